import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../test/support/fake-clock.js';
import { at } from '../../test/support/postgres-places.js';
import type { ProbeAnswer } from '../connector.js';
import type { FailureKind } from '../engine.js';
import { SharedLoops, type NodeLoop } from './shared-loops.js';

const INTERVAL_MS = 1_000;

/** A DataSource's watch of one node. */
interface Watcher {
  readonly loop: NodeLoop;
  answer: ProbeAnswer;
  error: { readonly kind: FailureKind } | undefined;
  isAsleep: boolean;
  probes: number;
  isConnected: boolean;
  readonly told: string[];
}

describe('probe loops of several DataSources', () => {
  let clock: FakeClock;
  let loops: SharedLoops;
  beforeEach(() => {
    clock = new FakeClock();
    loops = new SharedLoops();
  });

  async function watch(
    key: object = { host: 'db' },
    serverId = 'one',
    position: bigint | null = 1n,
  ): Promise<Watcher> {
    const watcher: Omit<Watcher, 'loop'> = {
      answer: { role: 'replica', serverId, position: at(position ?? undefined) },
      error: undefined,
      isAsleep: false,
      probes: 0,
      isConnected: false,
      told: [],
    };
    const loop = loops.create(key, {
      prober: {
        async probe() {
          watcher.probes += 1;
          watcher.isConnected = true;
          if (watcher.error) throw watcher.error;
          return watcher.answer;
        },
        bytesHeard: 0,
        reset: () => (watcher.isConnected = false),
        close: async () => void (watcher.isConnected = false),
      },
      clock,
      random: () => 0.5,
      classify: (error) => (error as { kind: FailureKind }).kind,
      timeoutMs: 500,
      connectTimeoutMs: 500,
      delayMs: () => (watcher.isAsleep ? Infinity : INTERVAL_MS),
      onAnswer() {
        watcher.told.push('answer');
        return 'in-place';
      },
      onFailure: ({ kind }) => watcher.told.push(kind),
    });
    await loop.start();
    await settle();
    return Object.assign(watcher, { loop });
  }

  async function pass(intervals: number): Promise<void> {
    for (let n = 0; n < intervals; n += 1) {
      await clock.advance(INTERVAL_MS);
      await settle();
    }
  }
  /** A node is asked at most once per 20 ms. */
  async function soon<T>(asking: Promise<T>): Promise<T> {
    await clock.advance(20);
    return asking;
  }
  const probesOf = (watchers: readonly Watcher[]): number[] => watchers.map(({ probes }) => probes);

  it('ask a server by one connection, and all of them are told', async () => {
    const watchers = [await watch(), await watch(), await watch()];
    const before = probesOf(watchers);
    for (const { told } of watchers) told.length = 0;
    await pass(5);
    const [first = 0, ...others] = probesOf(watchers).map((probes, index) => probes - (before[index] ?? 0));
    expect([first, others]).toEqual([5, [0, 0]]);
    expect(watchers.map(({ isConnected }) => isConnected)).toEqual([true, false, false]);
    expect(watchers.map(({ told }) => told.length)).toEqual([5, 5, 5]);
    expect(await soon(watchers[2]!.loop.ask())).toBe(watchers[0]?.answer);
    expect(await soon(watchers[1]!.loop.hint())).toBe(watchers[0]?.answer);
  });

  it('share nothing where the settings, the server or what it tells differ', async () => {
    const watchers = [
      await watch(),
      await watch({ host: 'db', username: 'other' }),
      await watch({ host: 'db' }, 'two'),
      await watch({ host: 'db' }, 'one', null),
    ];
    await pass(3);
    expect(watchers.map(({ isConnected }) => isConnected)).toEqual([true, true, true, true]);
  });

  it('go on by the connection of the next one when the first is closed', async () => {
    const [a, b, c] = [await watch(), await watch(), await watch()];
    await a.loop.stop();
    a.told.length = b.told.length = c.told.length = 0;
    await pass(3);
    expect([a.told.length, b.isConnected, c.isConnected]).toEqual([0, true, false]);
    expect(b.told.length).toBeGreaterThanOrEqual(3);
    expect(c.told).toEqual(b.told);
    await Promise.all([b.loop.stop(), c.loop.stop()]);
    expect(clock.pending).toBe(0);
  });

  it('tell all of a server that is lost, and none but its own of a database that is refused', async () => {
    const [a, b, c] = [await watch(), await watch(), await watch()];
    a.told.length = b.told.length = c.told.length = 0;
    a.error = { kind: 'connection' };
    await pass(1);
    expect([a.told, b.told, c.told]).toEqual([['connection'], ['connection'], ['connection']]);
    a.error = { kind: 'misconfigured' };
    await pass(3);
    expect(a.told).toContain('misconfigured');
    expect([...b.told, ...c.told]).not.toContain('misconfigured');
    expect([b.told.at(-1), b.isConnected, c.isConnected]).toEqual(['answer', true, false]);
    a.error = undefined;
    await pass(3);
    expect([a.told.at(-1), [a, b, c].filter(({ isConnected }) => isConnected).length]).toEqual(['answer', 1]);
  });

  it('a request that a server refuses has it asked by the connection of that DataSource', async () => {
    const [a, b] = [await watch(), await watch()];
    b.error = { kind: 'misconfigured' };
    expect(await soon(b.loop.hint('misconfigured'))).toBeUndefined();
    await settle();
    expect([a.told.at(-1), b.told.at(-1)]).toEqual(['answer', 'misconfigured']);
  });

  it('probe while one of them is awake, and close the connection when none is', async () => {
    const [a, b] = [await watch(), await watch()];
    a.isAsleep = true;
    await pass(2);
    const { probes } = a;
    await pass(3);
    expect(a.probes).toBe(probes + 3);
    b.isAsleep = true;
    await pass(2);
    const then = a.probes;
    await pass(10);
    expect([a.probes, a.isConnected, clock.pending]).toEqual([then, false, 0]);
    b.isAsleep = false;
    expect(await b.loop.ask()).toBe(a.answer);
    await pass(2);
    expect(a.probes).toBe(then + 3);
  });
});
