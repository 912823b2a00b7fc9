import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/fake-clock.js';
import type { Topology } from '../nodes/topology.js';
import { Sleep } from './sleep.js';

const AFTER_MS = 30_000;

describe('the sleep of a monitor', () => {
  let clock: FakeClock;
  let sleep: Sleep;
  let asked: string[];
  let answer: () => void;
  let busy: number;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    busy = 0;
    const node = (name: string) => ({
      get busy() {
        return busy;
      },
      observer: {
        ask: () => {
          asked.push(name);
          return new Promise<void>((resolve) => (answer = resolve));
        },
      },
    });
    const [primary, ...replicas] = [node('primary'), node('replica')];
    const topology = { primary, replicas, nodes: [primary, ...replicas] } as unknown as Topology;
    sleep = new Sleep({ clock, topology, intervalMs: 1_000 });
  });

  it('is due when nothing was asked for long, and costs nothing before', async () => {
    await clock.advance(AFTER_MS - 1);
    expect([sleep.isDue, sleep.end()]).toEqual([false, undefined]);
    await clock.advance(AFTER_MS - 1);
    expect(sleep.isDue).toBe(false);
    await clock.advance(1);
    expect(sleep.isDue).toBe(true);
  });

  it('is not while a query runs', async () => {
    busy = 1;
    await clock.advance(10 * AFTER_MS);
    expect([sleep.isDue, sleep.end()]).toEqual([false, undefined]);
  });

  it('ends with an answer of the primary, then of the others; all queries wait for the same ones', async () => {
    await clock.advance(AFTER_MS);
    const [first, second] = [sleep.end(), sleep.end()];
    expect(first).toBeInstanceOf(Promise);
    expect([second, sleep.isDue, asked]).toEqual([first, false, ['primary']]);
    answer();
    await Promise.resolve();
    expect(asked).toEqual(['primary', 'replica']);
    answer();
    await first;
    expect(sleep.end()).toBeUndefined();
  });
});
