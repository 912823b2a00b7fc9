import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { isPostgres } from './database.js';

/** Whether this machine has a MariaDB server: Debian's package is mariadb-server-core. */
export const hasMariadb =
  Boolean(process.env['MARIADB_BIN']) ||
  existsSync('/usr/sbin/mariadbd') ||
  spawnSync('mariadbd', ['--version']).status === 0;

/** A group of tests that need a MariaDB server; without one, a notice. */
export function describeMariadb(name: string, tests: () => void): void {
  if (!hasMariadb) process.stderr.write(`${name}: left out, this machine has no mariadbd\n`);
  (hasMariadb ? describe : describe.skip)(name, tests);
}

/**
 * A group of tests that a file has for both databases: PostgreSQL's run with the rest of the file, MariaDB's where MariaDB is what
 * tests run on (`npm run test:mariadb`).
 */
export function describeOn(engine: 'postgres' | 'mariadb', name: string, tests: () => void): void {
  const isMeant = isPostgres === (engine === 'postgres');
  if (!isMeant) describe.skip(name, tests);
  else if (engine === 'postgres') describe(name, tests);
  else describeMariadb(name, tests);
}
