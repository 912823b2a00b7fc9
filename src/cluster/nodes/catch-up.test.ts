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

  constructor(private readonly clock: FakeClock) {}

  readonly observer = {
    ask: async () => {
      this.asks++;
      await this.clock.delay(1).done;
      if (this.isSilent) return undefined;
      this.snapshot = { ...this.snapshot, place: { position: at(this.replayed) } };
      return {};
    },
  };
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
    void catchUp.wait(nodes as unknown as ClusterNode[], at(position), 20).then((caughtUp) => {
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
    expect(await wait(5n, node, other)).toBe('1 after 13 ms');
    expect(other.asks).toBe(1);
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

  it('is not done for servers that do not tell positions', async () => {
    node.snapshot = { state: 'usable', place: { position: undefined } };
    expect(await wait(5n, node)).toBe('0 after 0 ms');
  });

  it('does not spin on a node that gives no answer', async () => {
    node.isSilent = true;
    expect(await wait(5n, node)).toBe('0 after 20 ms');
    expect(node.asks).toBe(1);
  });
});
