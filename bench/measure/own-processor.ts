import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

// Counted before this process is kept on some of them.
const PROCESSORS = availableParallelism();
const [FIRST, OTHERS, ALL] = ['0', `1-${PROCESSORS - 1}`, `0-${PROCESSORS - 1}`];

/**
 * Keeps this process, and so all that it starts, off the first processor while `measure` runs, which is given a way to
 * put the process that is measured there. Otherwise chance decides who shares a processor with whom, and with that
 * whether a message costs 20 or 100 microseconds. It takes Linux, and util-linux' `taskset`.
 */
export async function withOwnProcessor<T>(measure: (give: (pid: number) => void) => Promise<T>): Promise<T> {
  const exists = PROCESSORS > 1 && keepOn(OTHERS, process.pid);
  try {
    return await measure((pid) => void (exists && keepOn(FIRST, pid)));
  } finally {
    if (exists) keepOn(ALL, process.pid);
  }
}

function keepOn(processors: string, pid: number): boolean {
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', processors, String(pid)], { stdio: 'ignore' });
  return status === 0;
}
