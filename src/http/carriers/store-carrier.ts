import type { Carrier, Exchange, OutgoingToken } from '../../tokens/carrier.js';
import type { ResolvedStore } from '../../options/resolved-options.js';
import { createStoredTokens, type StoredTokensDeps } from './stored-tokens.js';

/**
 * Tokens in a store, under the client's own keys (a session, a user): for clients that keep neither cookies nor
 * headers, or use several devices.
 *
 * The store keeps the merged tokens of a key. Plain `get` and `set` cannot merge atomically, so the writers of one
 * process write one after the other, and each reads its token back and repeats until it is there. One gap remains: two processes
 * write for the same client at the same moment, and one of them stores what it has read before the other stored and
 * verified. Lost is then the token of a write made within that round trip of one that is kept.
 *
 * A store that fails or is slow never affects a write: the problem is reported, and the token is kept in the memory
 * of this process. `read` rejects then, and the caller must treat the client as one that wrote just now.
 */
export function createStoreCarrier(
  settings: ResolvedStore,
  cluster: string,
  parts: StoredTokensDeps,
): Carrier {
  const stored = createStoredTokens(settings, parts);
  const answers = new WeakMap<Exchange, Map<string, Promise<readonly string[]>>>();
  const recorded = new WeakMap<Exchange, Set<string>>();
  const keysOf = createStoreKeys(settings.key, cluster);

  async function saveAll(keys: readonly string[], exchange: Exchange, token: OutgoingToken): Promise<void> {
    recorded.set(exchange, new Set([...(recorded.get(exchange) ?? []), ...keys]));
    await Promise.all(keys.map((key) => stored.save(key, token)));
  }

  function ask(exchange: Exchange, key: string): Promise<readonly string[]> {
    const asked = answers.get(exchange) ?? new Map<string, Promise<readonly string[]>>();
    const answer = asked.get(key) ?? stored.textsOf(key);
    answers.set(exchange, asked.set(key, answer));
    return answer;
  }

  return {
    name: 'store',
    carriesReads: true,
    async read(exchange) {
      const keys = keysOf(exchange);
      if (keys.length === 0) return undefined;
      return (await Promise.all(keys.map((key) => ask(exchange, key)))).flat();
    },
    knowsMore: (exchange) => keysOf(exchange).some((key) => !answers.get(exchange)?.has(key)),
    async record(exchange, token) {
      try {
        await saveAll(keysOf(exchange), exchange, token);
      } catch (error) {
        parts.onProblem(error); // The application's `key` threw.
      }
    },
    /** For keys that were not known yet when the unit wrote. Nothing can wait for them here. */
    send(exchange, token) {
      const late = keysOf(exchange).filter((key) => !recorded.get(exchange)?.has(key));
      if (late.length > 0) void saveAll(late, exchange, token);
    },
  };
}

/** Finds the client's keys in the store of a cluster, by the application's `key`; none: the client is not known yet. */
function createStoreKeys(
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
