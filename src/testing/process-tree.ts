import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from './testing-error.js';

/** The direct children of a process. Every server process of PostgreSQL is a child of its postmaster. */
export async function childrenOf(pid: number): Promise<number[]> {
  if (process.platform === 'linux') {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => undefined);
    if (children !== undefined) return children.split(' ').filter(Boolean).map(Number);
  }
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  return parseChildren(stdout, pid);
}

/** The pids in lines of "pid ppid" whose parent is `parent`. */
export function parseChildren(table: string, parent: number): number[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []));
}

/** Whether a process still runs. A zombie does not: where nothing reaps (a container's pid 1), it stays. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!sendSignal(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Sends a signal; false if there is no such process any more. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    throw error;
  }
}
