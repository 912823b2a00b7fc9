import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/fake-clock.js';
import { at } from '../../../test/support/postgres-places.js';
import { positions } from '../../engines/postgres/positions.js';
import { ProbeLoop } from '../../health/probe-loop.js';
import type { Position } from '../../position.js';
import { SeededRandom } from '../../testing/seeded-random.js';
import { CatchUp } from './catch-up.js';
import type { ClusterNode } from './cluster-node.js';

const REPLICAS = 5;
/** Of one instance: 100 requests, a tenth of which write, and then read at once. */
const READS_PER_SECOND = 10;
const SECONDS = 60;
const ROUND_TRIP_MS = 1;

/** A replica that replays what was written so long ago; its log is the time. */
class Replica {
  asks = 0;
  snapshot = { state: 'usable', place: { position: at(0n) } };
  readonly observer: { ask: () => Promise<unknown>; onChange: (listener: () => void) => () => void };
  private readonly listeners = new Set<() => void>();

  constructor(clock: FakeClock, random: SeededRandom, lagMs: () => number) {
    let replayed = 0;
    const probe = async (): Promise<{ role: 'replica'; position: Position }> => {
      await clock.delay(ROUND_TRIP_MS).done;
      replayed = Math.max(replayed, clock.now() - lagMs());
      return { role: 'replica', position: at(BigInt(Math.floor(replayed))) };
    };
    const loop = new ProbeLoop({
      prober: { bytesHeard: 0, probe, reset: () => undefined, close: async () => undefined },
      clock,
      random: () => random.next(),
      classify: () => 'query',
      timeoutMs: 500,
      connectTimeoutMs: 3_000,
      delayMs: () => 1_000,
      onAnswer: ({ position = at(0n) }) => {
        this.snapshot = { state: 'usable', place: { position } };
        for (const listener of this.listeners) listener();
        return 'in-place';
      },
      onFailure: () => undefined,
    });
    this.observer = {
      ask: () => {
        this.asks++;
        return loop.ask();
      },
      onChange: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    };
  }
}

/** What an instance asks of each replica, and how many of its reads these serve. */
async function readBehindWrites(lagMs: (random: SeededRandom) => number) {
  const clock = new FakeClock(1_000_000);
  const random = new SeededRandom(1);
  const replicas = Array.from({ length: REPLICAS }, () => new Replica(clock, random, () => lagMs(random)));
  const nodes = replicas as unknown as ClusterNode[];
  const catchUp = new CatchUp(clock, positions);
  const counts = { reads: 0, served: 0 };
  const read = async (): Promise<void> => {
    const written = at(BigInt(Math.floor(clock.now())));
    await clock.delay(1).done;
    counts.reads++;
    const isKnown = nodes.some((node) => catchUp.hasReplayed(node, written));
    if (isKnown || (await catchUp.wait(nodes, written, { maxWaitMs: 20 })).length > 0) counts.served++;
  };
  for (let second = 0; second < SECONDS * READS_PER_SECOND; second++) {
    void clock.delay(random.next() * SECONDS * 1_000).done.then(read);
  }
  await clock.advance(SECONDS * 1_000);
  const asksPerSecond = replicas.map(({ asks }) => asks / SECONDS);
  return { asksPerSecond, share: counts.served / counts.reads };
}

describe('an instance that reads ten times a second behind writes', () => {
  it.each([
    ['at once', () => 1],
    ['within some milliseconds', (random: SeededRandom) => -3 * Math.log(1 - random.next())],
  ])('asks each of five replicas twice a second at most, where they replay %s', async (_when, lagMs) => {
    const { asksPerSecond, share } = await readBehindWrites(lagMs);
    expectAtMostTwo(asksPerSecond);
    expect(share).toBeGreaterThan(0.99);
  });

  it('asks no more often while replay is delayed by a second', async () => {
    const { asksPerSecond } = await readBehindWrites(() => 1_000);
    expectAtMostTwo(asksPerSecond);
  });
});

/** On average, and no replica much more. */
function expectAtMostTwo(asksPerSecond: readonly number[]): void {
  expect(asksPerSecond.reduce((sum, asks) => sum + asks) / REPLICAS).toBeLessThanOrEqual(2);
  expect(Math.max(...asksPerSecond)).toBeLessThanOrEqual(2.3);
}
