import { execFile } from 'node:child_process';
import { appendFile, chown, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './find-binaries.js';
import {
  formatConfiguration,
  formatHostRules,
  formatPrimaryConnection,
  type Settings,
} from './server-settings.js';
import type { Workspace } from './workspace.js';

/** Creates the data folder of a new primary. */
export async function createDataFolder(
  workspace: Workspace,
  folder: string,
  options: { binaries: PostgresBinaries; settings: Settings; method: 'trust' | 'scram-sha-256' },
): Promise<void> {
  const { binaries } = options;
  const args = [
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  await workspace.run(binaries.initdb, ['-D', folder, ...args]);
  await appendFile(join(folder, 'postgresql.conf'), formatConfiguration(binaries.major, options.settings));
  await writeFile(join(folder, 'pg_hba.conf'), formatHostRules(options.method));
}

/** Makes the (not running) server of a data folder a standby of `upstream` from its next start on. */
export async function makeStandby(
  workspace: Workspace,
  folder: string,
  standby: { upstream: { host: string; port: number }; name: string },
): Promise<void> {
  const connection = formatPrimaryConnection(standby.upstream, standby.name);
  await appendFile(join(folder, 'postgresql.auto.conf'), `primary_conninfo = '${connection}'\n`);
  await writeOwned(workspace, join(folder, 'standby.signal'), '');
}

/** Writes a file which the server may remove. */
export async function writeOwned({ user }: Workspace, path: string, text: string): Promise<void> {
  await writeFile(path, text);
  if (user) await chown(path, user.uid, user.gid);
}

/** What the server says in its lock file, whatever its log leaves out. */
export async function isReady(folder: string, pid: number): Promise<boolean> {
  const lines = (await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/**
 * Removes what a killed server leaves behind: its lock file, which would block the next start if another process
 * got its pid, and its System V segment, of which macOS allows only 32.
 */
export async function removeTraces(folder: string): Promise<void> {
  const path = join(folder, 'postmaster.pid');
  const lines = (await readFile(path, 'utf8')).split('\n');
  const segment = lines[6]?.trim().split(/\s+/)[1];
  await rm(path);
  // A system without ipcrm keeps 56 bytes until this server is started again.
  if (segment) await promisify(execFile)('ipcrm', ['-m', segment]).catch(() => undefined);
}
