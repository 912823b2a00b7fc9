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

interface Copy extends CopyOptions {
  from: string;
  to: string;
}

/**
 * Copies a folder. Files that vanish during the copy are left out: a running server removes files
 * at any time, and the log replayed by the copy removes them there, too.
 */
export async function copyTree(from: string, to: string, options: CopyOptions = {}): Promise<void> {
  await copyFolder({ ...options, from, to }, '');
}

async function copyFolder(copy: Copy, path: string): Promise<void> {
  const target = join(copy.to, path);
  await mkdir(target, { recursive: true, mode: 0o700 });
  const entries = await readdir(join(copy.from, path), { withFileTypes: true });
  await Promise.all(
    entries.map(async (entry) => {
      const child = join(path, entry.name);
      if (copy.skip?.(child)) return;
      const copying = entry.isDirectory()
        ? copyFolder(copy, child)
        : copyEntry(copy, child, entry.isSymbolicLink());
      await ignoreVanished(copying);
    }),
  );
  if (copy.owner) await chown(target, copy.owner.uid, copy.owner.gid);
}

async function copyEntry(copy: Copy, path: string, isLink: boolean): Promise<void> {
  const [from, to] = [join(copy.from, path), join(copy.to, path)];
  if (isLink) return symlink(await readlink(from), to);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  if (copy.owner) await chown(to, copy.owner.uid, copy.owner.gid);
}

async function ignoreVanished(copying: Promise<void>): Promise<void> {
  await copying.catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
}
