import type { Exchange } from '../../tokens/carrier.js';
import type { ResolvedStore } from '../../options/resolved-options.js';

/** Finds the client's keys in the store of a cluster, by the application's `key`; none: the client is not known yet. */
export function createStoreKeys(
  key: ResolvedStore['key'],
  cluster: string,
): (exchange: Exchange) => readonly string[] {
  const prefix = `replication:${encodeURIComponent(cluster)}:`;
  return ({ platformRequest }) => [
    ...new Set(readKeys(key(platformRequest)).map((each) => `${prefix}${each}`)),
  ];
}

/** What is empty is not known yet. */
function readKeys(answer: unknown): readonly string[] {
  const keys: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
  return keys.flatMap((key) => {
    if (key === undefined || key === null || key === '') return [];
    if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint') return [String(key)];
    throw new TypeError(
      `consistency.store.key has answered ${typeof key}; expected a string, a list of strings or undefined.`,
    );
  });
}
