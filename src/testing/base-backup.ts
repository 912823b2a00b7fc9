import { join } from 'node:path';
import { copyTree } from './copy-tree.js';
import { writeOwned } from './data-folder.js';
import type { BackupSource } from './server-home.js';
import type { Workspace } from './workspace.js';

// What belongs to the running server alone; the same list as pg_basebackup's. The folders themselves are kept.
const LEFT_OUT = [
  /^(postmaster\.(pid|opts)|backup_label|tablespace_map|standby\.signal)$/,
  /^(pg_wal|pg_dynshmem|pg_notify|pg_replslot|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//,
  /(^|\/)(pg_internal\.init|pgsql_tmp)/,
];

/** Copies the data folder of a running primary, which may be written to meanwhile. */
export async function takeBaseBackup(
  source: Pick<BackupSource, 'withConnection'> & { readonly folder: string },
  workspace: Workspace,
  folder: string,
): Promise<void> {
  // The backup ends when the connection that started it ends.
  await source.withConnection(async (query) => {
    await query(`SELECT pg_backup_start('nestjs-replicated', true)`);
    await copyTree(source.folder, folder, {
      owner: workspace.user,
      skip: (path) => LEFT_OUT.some((pattern) => pattern.test(path)),
    });
    const [stopped] = (await query('SELECT labelfile FROM pg_backup_stop(false)')) as { labelfile: string }[];
    await writeOwned(workspace, join(folder, 'backup_label'), stopped?.labelfile ?? '');
  });
}
