import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/fake-clock.js';
import { at } from '../../../test/support/postgres-places.js';
import { positions } from '../../engines/postgres/positions.js';
import type { Position } from '../../position.js';
import { CatchUp } from './catch-up.js';
import type { ClusterNode } from './cluster-node.js';

/** A node that answers in 1 ms. */
class Node {
  asks = 0;
  snapshot: { state: string; place: { position: Position | undefined } } = {
    state: 'usable',
    place: { position: at(0n) },
  };
  replayed = 0n;
  isSilent = false;
  readonly listeners = new Set<() => void>();

  constructor(private readonly clock: FakeClock) {}

  readonly observer = {
    ask: async () => {
      this.asks++;
      await this.clock.delay(1).done;
      if (this.isSilent) return undefined;
      this.tell(this.replayed);
      return {};
    },
    onChange: (listener: () => void) => {
      this.listeners.add(listener);
      return () => this.listeners.delete(listener);
    },
  };

  tell(replayed: bigint): void {
    this.snapshot = { ...this.snapshot, place: { position: at(replayed) } };
    for (const listener of this.listeners) listener();
  }
}

describe('waiting for a replica', () => {
  let clock: FakeClock;
  let catchUp: CatchUp;
  let node: Node;
  beforeEach(() => {
    clock = new FakeClock();
    catchUp = new CatchUp(clock, positions);
    node = new Node(clock);
  });

  /** How long a read waits, and whether a node had the position then. */
  async function wait(position: bigint, ...nodes: Node[]): Promise<string> {
    const startMs = clock.now();
    let outcome = 'still waiting';
    void catchUp.wait(nodes as unknown as ClusterNode[], at(position), { maxWaitMs: 20 }).then((caughtUp) => {
      outcome = `${caughtUp.length} after ${clock.now() - startMs} ms`;
    });
    await clock.advance(100);
    return outcome;
  }

  it('ends with the time when none has the position', async () => {
    expect(await wait(5n, node)).toBe('0 after 20 ms');
  });

  it('ends as soon as one has it', async () => {
    const other = new Node(clock);
    other.replayed = 5n;
    expect(await wait(5n, node, other)).toBe('1 after 6 ms');
    expect(other.asks).toBe(1);
  });

  it('ends as soon as anything tells that one has it', async () => {
    void clock.delay(1).done.then(() => node.tell(5n));
    expect(await wait(5n, node)).toBe('1 after 1 ms');
    expect(node.asks).toBe(0);
    expect(node.listeners.size).toBe(0);
  });

  it('asks once for all reads that wait', async () => {
    node.replayed = 6n;
    const outcomes = [wait(5n, node), wait(6n, node), wait(4n, node)];
    expect(await Promise.all(outcomes)).toEqual(Array(3).fill('1 after 3 ms'));
    expect(node.asks).toBe(1);
  });

  it('asks all nodes in turn, one per read', async () => {
    const nodes = [node, new Node(clock), new Node(clock)];
    for (let position = 1n; position <= 9n; position++) {
      for (const each of nodes) each.replayed = position;
      expect(await wait(position, ...nodes)).toBe('1 after 3 ms');
    }
    expect(nodes.map(({ asks }) => asks)).toEqual([3, 3, 3]);
  });

  it('asks a node that was late last time only when the others are, too', async () => {
    const other = new Node(clock);
    for (let position = 1n; position <= 5n; position++) {
      other.replayed = position;
      expect(await wait(position, node, other)).toMatch(/^1 after/);
    }
    expect([node.asks, other.asks]).toEqual([1, 5]);
  });

  it('asks later, once replicas have needed longer', async () => {
    const outcomes: string[] = [];
    for (let position = 1n; position <= 40n; position++) {
      void clock.delay(10).done.then(() => (node.replayed = position));
      outcomes.push(await wait(position, node));
    }
    expect(outcomes[0]).toBe('0 after 20 ms');
    const inTime = outcomes.slice(20).filter((outcome) => /^1 after 1[0-5]/.test(outcome));
    expect(inTime.length).toBeGreaterThan(15);
  });

  it('is done by one read only while replay stands still; the others ask and go on', async () => {
    expect(await wait(5n, node)).toBe('0 after 20 ms');
    expect(await wait(5n, node)).toBe('0 after 0 ms');
    expect(await wait(6n, node)).toBe('0 after 0 ms');
    const asked = node.asks;
    node.replayed = 6n;
    expect(await wait(6n, node)).toBe('0 after 0 ms');
    expect(node.asks).toBe(asked + 1);
    node.replayed = 7n;
    expect(await wait(7n, node)).toMatch(/^1 after/);
  });

  it('is done again after some seconds, since what was missed may be lost', async () => {
    expect(await wait(1_000n, node)).toBe('0 after 20 ms');
    node.replayed = 6n;
    expect(await wait(6n, node)).toBe('0 after 0 ms');
    await clock.advance(5_000);
    node.replayed = 7n;
    expect(await wait(7n, node)).toMatch(/^1 after/);
  });

  it('is done for longer while the primary is crowded, whatever was missed before', async () => {
    const late = new Node(clock);
    const crowded = { isCrowded: true };
    const outcomes: string[] = [];
    for (const position of [5n, 6n]) {
      const startMs = clock.now();
      void clock.delay(100).done.then(() => (late.replayed = position));
      const waiting = catchUp.wait([late] as unknown as ClusterNode[], at(position), {
        maxWaitMs: 20,
        elsewhere: crowded,
      });
      void waiting.then((caughtUp) => outcomes.push(`${caughtUp.length} after ${clock.now() - startMs} ms`));
      await clock.advance(300);
    }
    for (const position of [7n, 8n]) {
      const startMs = clock.now();
      const waiting = catchUp.wait([node] as unknown as ClusterNode[], at(position), {
        maxWaitMs: 20,
        elsewhere: crowded,
      });
      void waiting.then((caughtUp) => outcomes.push(`${caughtUp.length} after ${clock.now() - startMs} ms`));
      await clock.advance(500);
    }
    const until = { isCrowded: true };
    const other = [new Node(clock)] as unknown as ClusterNode[];
    await clock.advance(5_000);
    void clock.delay(45).done.then(() => (until.isCrowded = false));
    const startMs = clock.now();
    const waiting = catchUp.wait(other, at(9n), { maxWaitMs: 20, elsewhere: until });
    void waiting.then(() => outcomes.push(`no longer crowded after ${clock.now() - startMs} ms`));
    await clock.advance(500);
    expect(outcomes).toEqual([
      expect.stringMatching(/^1 after 1[0-4]\d/),
      expect.stringMatching(/^1 after 1[0-4]\d/),
      '0 after 200 ms',
      '0 after 0 ms',
      'no longer crowded after 60 ms',
    ]);
  });

  it('is not done for servers that do not tell positions', async () => {
    node.snapshot = { state: 'usable', place: { position: undefined } };
    expect(await wait(5n, node)).toBe('0 after 0 ms');
    const nodes = [node] as unknown as ClusterNode[];
    const waiting = catchUp.wait(nodes, at(5n), { maxWaitMs: 20, elsewhere: { isCrowded: true } });
    expect(await waiting).toEqual([]);
  });

  it('does not spin on a node that gives no answer', async () => {
    node.isSilent = true;
    void catchUp.wait([node] as unknown as ClusterNode[], at(5n), { maxWaitMs: 20 });
    await clock.advance(19);
    expect(node.asks).toBe(1);
    await clock.advance(100);
    expect(node.asks).toBe(2); // for the next read
  });
});
