import type { TokenStore } from '../../options/options.js';
import type { Newest } from '../../tokens/token-text.js';

/** What the memory of the process needs. */
export interface MemoryTokenStoreDeps {
  readonly now: () => number;
  readonly newest: Newest;
  /** @default 100000 */
  readonly maxEntries?: number;
}

interface Entry {
  readonly text: string;
  readonly expiresAtMs: number;
}

/**
 * Tokens in the memory of the process. Beyond `maxEntries` the oldest one is forgotten, and what it demands, merged with
 * what was forgotten before, is demanded of every key that is not there: so no client reads older data than its own
 * write. Replicas mostly have it, since it is old.
 */
export function createMemoryTokenStore({
  now,
  newest,
  maxEntries = 100_000,
}: MemoryTokenStoreDeps): TokenStore {
  /** In order of their last change, so with one and the same TTL in order of expiry. */
  const entries = new Map<string, Entry>();
  let forgotten: Entry | undefined;

  function makeRoom(): void {
    for (const [key, entry] of entries) {
      const isLive = now() < entry.expiresAtMs;
      if (isLive && entries.size <= maxEntries) return;
      entries.delete(key);
      if (isLive) forgotten = merged(forgotten, entry);
    }
  }

  function merged(into: Entry | undefined, { text, expiresAtMs }: Entry): Entry {
    return {
      text: newest([...liveTexts(into), text]),
      expiresAtMs: Math.max(into?.expiresAtMs ?? 0, expiresAtMs),
    };
  }

  const liveTexts = (entry: Entry | undefined) => (entry && now() < entry.expiresAtMs ? [entry.text] : []);

  return {
    get: async (key) => liveTexts(entries.get(key) ?? forgotten)[0],
    async set(key, text, ttlMs) {
      entries.delete(key);
      entries.set(key, { text, expiresAtMs: now() + ttlMs });
      makeRoom();
    },
  };
}
