import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Exchange } from '../../tokens/carrier.js';
import type { TokenStore } from '../../options/options.js';
import type { ResolvedStore } from '../../options/resolved-options.js';
import { createStoreCarrier } from './store-carrier.js';

/** As merging of tokens is not the subject here: texts are sets of letters, merged to their union. */
const union = (texts: readonly string[]) => [...new Set(texts.join(''))].toSorted().join('');

const createExchange = (platformRequest: unknown = { user: 'ann' }): Exchange => ({
  request: { headers: {} },
  response: { getHeader: () => undefined, setHeader: () => undefined },
  platformRequest,
});
const token = (text: string) => ({ text, maxAgeMs: 120_000, wrote: true });
const userOf = (request: unknown) => (request as { user?: string | string[] }).user;

function createCarrier(settings: Partial<ResolvedStore> = {}, cluster = 'default') {
  const problems: unknown[] = [];
  const carrier = createStoreCarrier(
    { store: undefined, key: userOf, timeoutMs: 100, ...settings },
    cluster,
    {
      newest: union,
      now: () => 0,
      onProblem: (error) => problems.push(error),
    },
  );
  const record = (exchange: Exchange, text: string) =>
    carrier.record?.(exchange, token(text)) ?? Promise.resolve();
  return { carrier, record, problems, read: (exchange = createExchange()) => carrier.read(exchange) };
}

/** A store whose every step the test can hold up, as a network would. */
function createSharedStore(step: (what: 'get' | 'set') => Promise<void> = async () => undefined) {
  const kept = new Map<string, string>();
  const calls: string[] = [];
  const store: TokenStore = {
    async get(key) {
      calls.push(`get ${key}`);
      const value = kept.get(key);
      await step('get');
      return value;
    },
    async set(key, value, ttlMs) {
      calls.push(`set ${key} ${ttlMs}`);
      await step('set');
      kept.set(key, value);
    },
  };
  return { store, kept, calls };
}

describe('the token of a client', () => {
  it('is found by the next request with the same key', async () => {
    const { record, read } = createCarrier();
    await record(createExchange(), 'a');
    expect(await read()).toEqual(['a']);
    expect(await read(createExchange({ user: 'bob' }))).toEqual([]);
  });

  it('is kept under every key, found by any', async () => {
    const { record, read } = createCarrier();
    await record(createExchange({ user: ['session-1', 'ann'] }), 'a');
    await record(createExchange({ user: 'ann' }), 'b');
    expect(await read(createExchange({ user: 'session-1' }))).toEqual(['a']);
    expect(await read(createExchange({ user: ['session-1', 'ann'] }))).toEqual(['a', 'ab']);
  });

  it('is in the store for the life of a token, and apart from those of other clusters', async () => {
    const { store, calls } = createSharedStore();
    await createCarrier({ store }).record(createExchange(), 'a');
    const orders = createCarrier({ store }, 'orders');
    expect(calls).toContain('set replication:default:ann 120000');
    expect(await orders.read()).toEqual([]);
  });

  it('is merged with what the store has', async () => {
    const { store, kept } = createSharedStore();
    const { record } = createCarrier({ store });
    for (const text of ['b', 'c', 'a', 'b']) await record(createExchange(), text);
    expect([...kept.values()]).toEqual(['abc']);
  });

  it('costs one question when the store has it', async () => {
    const { store, calls } = createSharedStore();
    const { record } = createCarrier({ store });
    await record(createExchange(), 'a');
    calls.length = 0;
    await record(createExchange(), 'a');
    expect(calls).toEqual(['get replication:default:ann']);
  });

  it('is not there as long as the key is not known, and can be asked for later', async () => {
    const { carrier, record } = createCarrier();
    await record(createExchange(), 'a');
    const request: { user?: string } = {};
    const exchange = createExchange(request);
    expect(await carrier.read(exchange)).toBeUndefined();
    request.user = 'ann';
    expect(await carrier.read(exchange)).toEqual(['a']);
  });

  it('is asked for once per exchange and key', async () => {
    const { store, calls } = createSharedStore();
    const { carrier } = createCarrier({ store });
    const exchange = createExchange({ user: ['ann', 'bob', 'ann'] });
    await Promise.all([carrier.read(exchange), carrier.read(exchange)]);
    await carrier.read(exchange);
    expect(calls).toEqual(['get replication:default:ann', 'get replication:default:bob']);
  });

  it('is read once when two keys of a client are the same', async () => {
    const { record, read } = createCarrier();
    await record(createExchange(), 'a');
    expect(await read(createExchange({ user: ['ann', 'ann'] }))).toEqual(['a']);
  });

  it('cannot be recorded for a client without a key', async () => {
    const { store, calls } = createSharedStore();
    const { record, problems } = createCarrier({ store });
    await record(createExchange({}), 'a');
    expect([calls, problems]).toEqual([[], []]);
  });

  it('is nothing but text: whatever else the store holds is ignored', async () => {
    const { read } = createCarrier({ store: { get: async () => ({ a: 1 }), set: async () => true } });
    expect(await read()).toEqual([]);
  });
});

describe('concurrent writes of one client', () => {
  const LETTERS = [...'abcdefgh'];

  it('in one process are all kept', async () => {
    const { store, kept } = createSharedStore(() => new Promise((resolve) => setImmediate(resolve)));
    const { record, problems } = createCarrier({ store });
    await Promise.all(LETTERS.map((text) => record(createExchange(), text)));
    expect([...kept.values()]).toEqual(['abcdefgh']);
    expect(problems).toEqual([]);
  });

  it('in two processes are both kept when both have read before either writes', async () => {
    let waiting = 2;
    let open: () => void = () => undefined;
    const bothHaveRead = new Promise<void>((resolve) => (open = resolve));
    const { store, kept } = createSharedStore(async (what) => {
      if (what === 'get' && --waiting === 0) open();
      await bothHaveRead;
    });
    const [one, two] = [createCarrier({ store }), createCarrier({ store })];
    await Promise.all([one.record(createExchange(), 'a'), two.record(createExchange(), 'b')]);
    expect([...kept.values()]).toEqual(['ab']);
  });
});

describe('a store that fails', () => {
  const down: TokenStore = {
    get: () => Promise.reject(new Error('store is down')),
    set: () => Promise.reject(new Error('store is down')),
  };

  it('never fails a write; it is reported', async () => {
    const { record, problems } = createCarrier({ store: down });
    await expect(record(createExchange(), 'a')).resolves.toBeUndefined();
    expect(problems).toEqual([new Error('store is down')]);
  });

  it('never fails a write when it throws at once', async () => {
    const throwing = () => {
      throw new Error('not connected');
    };
    const { record, problems } = createCarrier({ store: { get: throwing, set: throwing } });
    await record(createExchange(), 'a');
    expect(problems).toEqual([new Error('not connected')]);
  });

  it('makes a read fail, so that the caller can pin the client', async () => {
    await expect(createCarrier({ store: down }).read()).rejects.toThrow('store is down');
  });

  it('does not make this process forget', async () => {
    const { store, kept } = createSharedStore();
    const { record, read } = createCarrier({ store: { ...store, set: down.set } });
    await record(createExchange(), 'a');
    await record(createExchange(), 'b');
    expect(kept.size).toBe(0);
    expect(await read()).toEqual(['ab']);
  });

  it('and says it had stored is found out', async () => {
    const { record, read, problems } = createCarrier({
      store: { get: async () => undefined, set: async () => true },
    });
    await record(createExchange(), 'a');
    expect(String(problems[0])).toContain('The token store did not keep a token in 3 attempts');
    expect(await read()).toEqual(['a']);
  });

  it.each(['record', 'read'] as const)(
    'is not needed to notice that the key cannot be told: %s',
    async (what) => {
      const key = () => {
        throw new Error('no session');
      };
      const { record, read, problems } = createCarrier({ key });
      if (what === 'read') await expect(read()).rejects.toThrow('no session');
      else
        await record(createExchange(), 'a').then(() => expect(problems).toEqual([new Error('no session')]));
    },
  );
});

describe('a store that does not answer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const silent: TokenStore = {
    get: () => new Promise(() => undefined),
    set: () => new Promise(() => undefined),
  };

  it('holds up a read for timeoutMs and no longer', async () => {
    const answer = expect(createCarrier({ store: silent }).read()).rejects.toThrow(
      'The token store did not answer within 100 ms.',
    );
    await jest.advanceTimersByTimeAsync(100);
    await answer;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is the only one for which a timer is left running', async () => {
    const { record, read } = createCarrier();
    await record(createExchange(), 'a');
    await read();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('holds up writes for timeoutMs and no longer, however many wait for one another', async () => {
    const { record, problems } = createCarrier({ store: silent });
    const writes = Promise.all([...'abc'].map((text) => record(createExchange(), text)));
    await jest.advanceTimersByTimeAsync(99);
    expect(problems).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(1);
    await writes;
    expect(problems).toHaveLength(3);
    expect(jest.getTimerCount()).toBe(0);
  });
});
