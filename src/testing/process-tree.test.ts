import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { childrenOf, halt, isAlive, parseChildren, sendSignal } from './process-tree.js';

describe('a process tree', () => {
  it('is read from the output of ps', () => {
    expect(parseChildren('    1     0\n   20     1\n  300    20\n   21     1\n', 1)).toEqual([20, 21]);
  });

  it('knows the children of this process, and when one is gone', async () => {
    const child = spawn('sleep', ['60']);
    const pid = child.pid as number;
    expect(await childrenOf(process.pid)).toContain(pid);
    expect(await isAlive(pid)).toBe(true);
    sendSignal(pid, 'SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(pid)).toBe(false);
    expect(sendSignal(pid, 'SIGKILL')).toBe(false);
  });

  it('stands still when it was halted, and not a moment later', async () => {
    const child = spawn('sh', ['-c', 'while :; do :; done']);
    const pid = child.pid as number;
    await halt([pid]);
    if (process.platform === 'linux') expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) T /);
    sendSignal(pid, 'SIGKILL');
    await once(child, 'exit');
    await halt([pid]); // of one that is gone
  });
});
