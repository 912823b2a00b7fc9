import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** Share of the processors that is used while this process does nothing: by other programs. */
export async function shareOfOthers(): Promise<number> {
  const before = timesOf();
  await pause(LOOK_MS);
  const after = timesOf();
  return (after.busy - before.busy) / Math.max(1, after.all - before.all);
}

const LOOK_MS = 500;
/** Above, figures are noise, and no goal is judged by them. */
export const QUIET_SHARE = 0.1;

function timesOf(): { readonly busy: number; readonly all: number } {
  const times = cpus().map((one) => one.times);
  const all = times.flatMap((one) => Object.values(one)).reduce((sum, ms) => sum + ms, 0);
  return { busy: all - times.reduce((sum, { idle }) => sum + idle, 0), all };
}
