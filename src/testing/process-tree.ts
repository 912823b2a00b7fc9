import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasCode } from './testing-error.js';
import { waitUntil } from './wait-until.js';

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
  const state = await stateIn(`/proc/${pid}/stat`);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Stops processes; resolves when none of their threads runs any more, for which a busy machine takes its time. */
export async function halt(pids: readonly number[]): Promise<void> {
  for (const pid of pids) sendSignal(pid, 'SIGSTOP');
  await waitUntil(async () => (await Promise.all(pids.map(hasStopped))).every(Boolean), {
    intervalMs: 1,
    message: `the processes ${pids.join(', ')} to stand still`,
  });
}

async function hasStopped(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = await Promise.all(threads.map((thread) => stateIn(`/proc/${pid}/task/${thread}/stat`)));
  return states.every((state) => state === undefined || 'TtZX'.includes(state));
}

async function stateIn(path: string): Promise<string | undefined> {
  const stat = await readFile(path, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
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
