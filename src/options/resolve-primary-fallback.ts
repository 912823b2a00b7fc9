import type { PoolSize } from './read-pool-size.js';
import type { Section } from './section.js';

const EXPECTED = 'false or an object, as in { maxConcurrent: 5 }';

/** Reads of replica intent that the primary serves at a time; 0: none. */
export function resolvePrimaryFallback(routing: Section, pool: PoolSize): number {
  if (routing.raw('primaryFallback') === false) return 0;
  const half = Math.max(1, Math.floor(pool.size / 2));
  const fallback = routing.section('primaryFallback', EXPECTED);
  const fix = 'For no fall-back, write primaryFallback: false.';
  const maxConcurrent = fallback.integer('maxConcurrent', { fallback: undefined, min: 1, fix });
  if (maxConcurrent !== undefined && maxConcurrent >= pool.size)
    fallback.refuse('maxConcurrent', describeStarvation(maxConcurrent, pool));
  return maxConcurrent ?? half;
}

function describeStarvation(maxConcurrent: number, { size, path }: PoolSize): string {
  const fix =
    size > 1
      ? `Give ${size - 1} or less, or raise ${path}`
      : `Write primaryFallback: false, or raise ${path}`;
  return `${maxConcurrent} is no less than the primary's pool (${size}): writes would wait behind reads. ${fix}.`;
}
