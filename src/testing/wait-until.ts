import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, TestingError } from './testing-error.js';

/** How long, how often, and what for. */
export interface WaitOptions {
  /** Deadline in milliseconds. Default 10,000. */
  timeoutMs?: number;
  /** Pause between two attempts in milliseconds. Default 20. */
  intervalMs?: number;
  /** What was waited for; starts the error's message. Default "the condition". */
  message?: string;
}

/**
 * Waits until `condition` returns something truthy, and returns that.
 * A condition that throws counts as "not yet"; the last error is the `cause` of the time-out. An attempt that
 * hangs is given up at the deadline.
 *
 * @throws TestingError `ERR_TESTING_TIMEOUT` at the deadline
 * @example
 * const rows = await waitUntil(async () => (await node.query('SELECT 1 FROM post'))[0]);
 * await waitUntil(() => seen.length === 3, { timeoutMs: 2_000, message: 'three events' });
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 10_000, intervalMs = 20, message = 'the condition' } = options;
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  do {
    try {
      const value = await attempt(condition, deadline - performance.now());
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      // What failed before says more than that the last attempt was cut off.
      if (!(error instanceof CutOffError) || lastError === undefined) lastError = error;
    }
    await sleep(intervalMs);
  } while (performance.now() < deadline);
  const reason = lastError === undefined ? '' : `; the last attempt failed with: ${describeError(lastError)}`;
  throw new TestingError(
    'ERR_TESTING_TIMEOUT',
    `Waited ${timeoutMs} ms for ${message}${reason}. Raise timeoutMs if the machine is only slow.`,
    lastError === undefined ? undefined : { cause: lastError },
  );
}

class CutOffError extends Error {}

async function attempt<T>(condition: () => T | Promise<T>, timeoutMs: number): Promise<T> {
  const done = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: done.signal }).then(() => {
    throw new CutOffError('no answer before the deadline');
  });
  try {
    return await Promise.race([(async () => condition())(), late]);
  } finally {
    done.abort();
  }
}
