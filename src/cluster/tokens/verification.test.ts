import { describe, expect, it } from '@jest/globals';
import { at } from '../../../test/support/postgres-places.js';
import { positions } from '../../engines/postgres/positions.js';
import { ClusterEmitter } from '../events/cluster-events.js';
import { RouteCounters } from '../events/route-counters.js';
import type { Lease } from '../nodes/lease.js';
import { Verification } from './verification.js';

function verifying({ share = 1, found = 100n as bigint | 'untold', drawn = 0.5 } = {}) {
  const counters = new RouteCounters();
  const events = new ClusterEmitter(() => undefined);
  const told: unknown[] = [];
  events.on('guaranteeBroken', (payload) => void told.push(payload));
  const ask = async () => (found === 'untold' ? undefined : at(found));
  const verification = new Verification({ share, random: () => drawn, positions, ask, counters, events });
  return { verification, counters, told };
}

let forgotten = 0;
const lease = (required: bigint | undefined, isOutdated = false) =>
  ({
    required: required === undefined ? undefined : at(required),
    isOutdated,
    node: { name: 'a', observer: { restarted: () => forgotten++ } },
  }) as unknown as Lease;
const read = (of: Lease) => ({ lease: of, connection: {}, handler: 'PostsController.list' });

describe('the verification of a read', () => {
  it.each([
    [1, 0.999, true],
    [0.5, 0.49, true],
    [0.5, 0.5, false],
    [0, 0, false],
  ])('with a share of %d draws %d: %s', (share, drawn, isDrawn) => {
    expect(verifying({ share, drawn }).verification.draws(lease(1n))).toBe(isDrawn);
  });

  it('draws none that no token has let through', () => {
    expect(verifying().verification.draws(lease(undefined))).toBe(false);
  });

  it('keeps what is at or after the position, and believes a server that does not tell', async () => {
    for (const [found, outcome] of [
      [100n, 'kept'],
      [101n, 'kept'],
      ['untold', 'unknown'],
    ] as const) {
      const { verification, counters, told } = verifying({ found });
      expect(await verification.isKept(read(lease(100n)))).toBe(true);
      expect(counters.verifiedReads[outcome]).toBe(1);
      expect(told).toEqual([]);
    }
  });

  it('tells of what is behind, and has it forgotten', async () => {
    const before = forgotten;
    const { verification, counters, told } = verifying({ found: 99n });
    expect(await verification.isKept(read(lease(100n)))).toBe(false);
    expect(counters.verifiedReads).toEqual({ kept: 0, broken: 1, unknown: 0 });
    expect(told).toEqual([{ node: 'a', handler: 'PostsController.list', required: '0/64', found: '0/63' }]);
    expect(forgotten).toBe(before + 1);
  });

  it('says nothing of a server that was restarted, of which nothing is believed any more', async () => {
    const { verification, counters, told } = verifying({ found: 99n });
    expect(await verification.isKept(read(lease(100n, true)))).toBe(false);
    expect([counters.verifiedReads.broken, told]).toEqual([0, []]);
  });
});
