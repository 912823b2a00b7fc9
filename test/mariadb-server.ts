import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Whether this machine has a MariaDB server: Debian's package is mariadb-server-core. */
export function hasMariadb(): boolean {
  if (process.env['MARIADB_BIN'] || existsSync('/usr/sbin/mariadbd')) return true;
  return spawnSync('mariadbd', ['--version']).status === 0;
}
