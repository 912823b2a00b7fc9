import type { OutgoingToken } from '../../tokens/carrier.js';
import type { TokenStore } from '../../options/options.js';
import type { ResolvedStore } from '../../options/resolved-options.js';
import { createMemoryTokenStore } from './memory-token-store.js';
import type { Newest } from '../../tokens/token-text.js';

/** What they need besides the settings of the store. */
export interface StoredTokensDeps {
  readonly newest: Newest;
  readonly now: () => number;
  /** Told when a token could not be stored; the write it belongs to is not affected. */
  readonly onProblem: (error: unknown) => void;
}

/** Keeps tokens by key: in the store, or in the memory of this process while the store fails. */
export interface StoredTokens {
  /** Rejects when the store fails or is slow. */
  textsOf(key: string): Promise<readonly string[]>;
  /** Never rejects. */
  save(key: string, token: OutgoingToken): Promise<void>;
}

/** Attempts to get a token into the store while others write the same key. */
const MAX_ATTEMPTS = 3;

export function createStoredTokens(settings: ResolvedStore, deps: StoredTokensDeps): StoredTokens {
  const { newest, onProblem } = deps;
  const store = settings.store ?? createMemoryTokenStore(deps);
  const unsaved = createMemoryTokenStore(deps);
  const inSequence = createSequences();
  const inTime = <T>(work: Promise<T>) => withTimeout(work, settings.timeoutMs, 'The token store');

  return {
    async textsOf(key) {
      return (await inTime(Promise.all([textsIn(store, key), textsIn(unsaved, key)]))).flat();
    },
    async save(key, token) {
      try {
        await inSequence(key, (before) => inTime(before.then(() => raise({ store, key, token, newest }))));
      } catch (error) {
        await unsaved.set(key, newest([...(await textsIn(unsaved, key)), token.text]), token.maxAgeMs);
        onProblem(error);
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

/** Runs tasks of one key one after the other; a task starts its work when `before` resolves. */
export type InSequence = <T>(key: string, task: (before: Promise<unknown>) => Promise<T>) => Promise<T>;

/** Keeps nothing of a key whose tasks are done. */
export function createSequences(last = new Map<string, Promise<unknown>>()): InSequence {
  return (key, task) => {
    const result = task(last.get(key) ?? Promise.resolve());
    // Its caller gets its error; the tasks after it only wait for its end.
    const end = result.then(noop, noop).then(() => {
      if (last.get(key) === end) last.delete(key);
    });
    last.set(key, end);
    return result;
  };
}

const noop = () => undefined;

/** Rejects when `work` has not settled in time. The work itself goes on, and its result is dropped. */
function withTimeout<T>(work: Promise<T>, timeoutMs: number, who: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${who} did not answer within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
