import { appendFile, chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  options: { settings: Settings; method: 'trust' | 'scram-sha-256' },
): Promise<void> {
  const { binaries } = workspace;
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

/** Forgets a server that was killed, so that a process which got its pid does not prevent the next start. */
export async function removeLockFile(folder: string): Promise<void> {
  await rm(join(folder, 'postmaster.pid'), { force: true });
}
