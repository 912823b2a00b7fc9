import { mkdtemp, readdir, readFile, rm, symlink, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyTree } from './copy-tree.js';

describe('copyTree', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'copy-tree-'));
    await mkdir(join(folder, 'from/inner'), { recursive: true });
    await writeFile(join(folder, 'from/inner/file'), 'text');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('copies folders, files and links, but not what is skipped', async () => {
    await writeFile(join(folder, 'from/inner/other'), '');
    await symlink('file', join(folder, 'from/inner/link'));
    await copyTree(join(folder, 'from'), join(folder, 'to'), { skip: (path) => path === 'inner/other' });
    expect((await readdir(join(folder, 'to/inner'))).sort()).toEqual(['file', 'link']);
    expect(await readFile(join(folder, 'to/inner/link'), 'utf8')).toBe('text');
  });

  it('fails when the source itself does not exist', async () => {
    await expect(copyTree(join(folder, 'nowhere'), join(folder, 'to'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('leaves out what vanishes while it copies', async () => {
    const skip = (path: string) => {
      if (path === 'inner/file') void rm(join(folder, 'from/inner'), { recursive: true });
      return false;
    };
    await copyTree(join(folder, 'from'), join(folder, 'to'), { skip });
    expect(await readdir(join(folder, 'to'))).toEqual(['inner']);
  });
});
