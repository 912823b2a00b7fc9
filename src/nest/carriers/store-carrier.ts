import type { Carrier, Exchange, OutgoingToken } from '../../consistency/carrier.js';
import type { TokenStore } from '../../options/options.js';
import type { ResolvedStore } from '../../options/resolved-options.js';
import { createTurns } from './turns.js';
import { createMemoryTokenStore } from './memory-token-store.js';
import type { Newest } from './newest.js';
import { withTimeout } from './with-timeout.js';

/** What the store carrier needs besides its settings. */
export interface StoreCarrierParts {
  readonly newest: Newest;
  readonly now: () => number;
  /** Told when a token could not be stored; the write it belongs to is not affected. */
  readonly onProblem: (error: unknown) => void;
}

/** Attempts to get a token into the store while others write the same key. */
const MAX_ATTEMPTS = 3;

/**
 * Tokens in a store, under the client's own keys (a session, a user): for clients that keep neither cookies nor
 * headers, or use several devices.
 *
 * The store keeps the merged tokens of a key. Plain `get` and `set` cannot merge atomically, so the writers of one
 * process take turns, and each reads its token back and repeats until it is there. One gap remains: two processes
 * write for the same client at the same moment, and one of them stores what it has read before the other stored and
 * verified. Lost is then the token of a write made within that round trip of one that is kept.
 *
 * A store that fails or is slow never affects a write: the problem is reported, and the token is kept in the memory
 * of this process. `read` rejects then, and the caller must treat the client as one that wrote just now.
 */
export function createStoreCarrier(
  settings: ResolvedStore,
  cluster: string,
  parts: StoreCarrierParts,
): Carrier {
  const { newest, onProblem } = parts;
  const store = settings.store ?? createMemoryTokenStore(parts);
  const unsaved = createMemoryTokenStore(parts);
  const inTurn = createTurns();
  const answers = new WeakMap<Exchange, Map<string, Promise<readonly string[]>>>();
  const inTime = <T>(work: Promise<T>) => withTimeout(work, settings.timeoutMs, 'The token store');

  function keysOf({ platformRequest }: Exchange): readonly string[] | undefined {
    const keys = settings.key(platformRequest);
    const list = typeof keys === 'string' ? [keys] : keys;
    return list && [...new Set(list)].map((key) => `replication:${encodeURIComponent(cluster)}:${key}`);
  }

  function ask(exchange: Exchange, key: string): Promise<readonly string[]> {
    const asked = answers.get(exchange) ?? new Map<string, Promise<readonly string[]>>();
    const answer =
      asked.get(key) ??
      inTime(Promise.all([textsIn(store, key), textsIn(unsaved, key)])).then((all) => all.flat());
    answers.set(exchange, asked.set(key, answer));
    return answer;
  }

  async function save(key: string, token: OutgoingToken): Promise<void> {
    try {
      await inTurn(key, (before) => inTime(before.then(() => raise({ store, key, token, newest }))));
    } catch (error) {
      await unsaved.set(key, newest([...(await textsIn(unsaved, key)), token.text]), token.maxAgeMs);
      onProblem(error);
    }
  }

  return {
    name: 'store',
    carriesReads: true,
    async read(exchange) {
      const keys = keysOf(exchange);
      return keys && (await Promise.all(keys.map((key) => ask(exchange, key)))).flat();
    },
    async record(exchange, token) {
      try {
        await Promise.all((keysOf(exchange) ?? []).map((key) => save(key, token)));
      } catch (error) {
        onProblem(error); // The application's `key` threw.
      }
    },
  };
}

interface Raise {
  readonly store: TokenStore;
  readonly key: string;
  readonly token: OutgoingToken;
  readonly newest: Newest;
}

/** Merges the token into what the store has, until the store has it. */
async function raise({ store, key, token, newest }: Raise): Promise<void> {
  for (let attempt = 0; attempt <= MAX_ATTEMPTS; attempt++) {
    const stored = await textsIn(store, key);
    const merged = newest([...stored, token.text]);
    if (merged === stored[0]) return;
    if (attempt < MAX_ATTEMPTS) await store.set(key, merged, token.maxAgeMs);
  }
  throw new Error(
    `The token store did not keep a token in ${MAX_ATTEMPTS} attempts: too many writers of one key, or a 'get' that does not see the last 'set'.`,
  );
}

async function textsIn(store: TokenStore, key: string): Promise<readonly string[]> {
  const text = await store.get(key);
  return typeof text === 'string' ? [text] : [];
}
