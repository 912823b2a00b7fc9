import type { ResolvedMonitor } from './resolved-options.js';
import type { Section } from './section.js';

/** Beyond, `setTimeout` overflows and fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function resolveMonitor(monitor: Section): ResolvedMonitor {
  const ms = (key: string, fallback: number) =>
    monitor.integer(key, { fallback, min: 1, max: LONGEST_TIMER_MS });
  return Object.freeze({
    intervalMs: ms('intervalMs', 1_000),
    timeoutMs: ms('timeoutMs', 500),
    maxLagMs: ms('maxLagMs', 10_000),
    maxLagBytes: readMaxLagBytes(monitor),
    hardMaxLagMs: ms('hardMaxLagMs', 60_000),
    connectTimeoutMs: ms('connectTimeoutMs', 3_000),
    queryTimeoutMs: ms('queryTimeoutMs', 30_000),
  });
}

function readMaxLagBytes(monitor: Section): number {
  if (monitor.raw('maxLagBytes') === false) return Infinity;
  return monitor.integer('maxLagBytes', { fallback: Infinity, min: 1, fix: 'For no limit, write false.' });
}
