import { chown, constants, copyFile, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunUser } from './run-user.js';
import { hasCode } from './testing-error.js';

export interface CopyOptions {
  /** Owner of the copy. Default: this process' user. */
  owner?: RunUser | undefined;
  /** Paths relative to the source which are left out. */
  skip?: (path: string) => boolean;
}

/**
 * Copies a folder. Files that vanish during the copy are left out: a running server removes files
 * at any time, and the log replayed by the copy removes them there, too.
 */
export async function copyTree(from: string, to: string, options: CopyOptions = {}): Promise<void> {
  await copyFolder(from, to, '', options);
}

async function copyFolder(from: string, to: string, path: string, options: CopyOptions): Promise<void> {
  const target = join(to, path);
  await mkdir(target, { recursive: true, mode: 0o700 });
  const entries = await readdir(join(from, path), { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const child = join(path, entry.name);
      if (options.skip?.(child)) return;
      if (entry.isDirectory()) return ignoreVanished(copyFolder(from, to, child, options));
      await ignoreVanished(copyEntry(join(from, child), join(to, child), entry.isSymbolicLink(), options));
    }),
  );
  if (options.owner) await chown(target, options.owner.uid, options.owner.gid);
}

async function copyEntry(from: string, to: string, isLink: boolean, { owner }: CopyOptions): Promise<void> {
  if (isLink) return symlink(await readlink(from), to);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  if (owner) await chown(to, owner.uid, owner.gid);
}

async function ignoreVanished(copying: Promise<void>): Promise<void> {
  await copying.catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
}
