import { describe, it, expect } from '@jest/globals';
import { at } from '../../test/support/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import { LagHistory } from './lag-history.js';

const SECOND = 1_000;

function history(): LagHistory {
  return new LagHistory({ positions, keepMs: 60 * SECOND, spacingMs: 500, graceMs: 3 * SECOND });
}

/** The primary writes 100 bytes per second, and is asked every second, up to `seconds`. */
function busy(seconds: number): LagHistory {
  const made = history();
  for (let second = 0; second <= seconds; second++) made.record(at(BigInt(second * 100)), second * SECOND);
  return made;
}

describe('the lag of a replica', () => {
  it('is not known before the primary is', () => {
    expect(history().lagOf(at(1n), 0)).toBeUndefined();
  });

  it.each([
    ['none, when it has all the primary is known to have', 2_000n, 20.9, { ms: 0, bytes: 0 }],
    ['none, when it is ahead of what is known', 2_090n, 20.9, { ms: 0, bytes: 0 }],
    ['the time since the primary was there', 1_500n, 20, { ms: 5_000, bytes: 500 }],
    ['growing as time passes', 1_500n, 20.9, { ms: 5_900, bytes: 500 }],
    ['estimated between two samples', 1_525n, 20, { ms: 4_750, bytes: 475 }],
  ])('is %s', (_rule, position, atSeconds, expected) => {
    expect(busy(20).lagOf(at(position), atSeconds * SECOND)).toEqual(expected);
  });

  it('is none on an idle primary, however long it is idle', () => {
    const idle = busy(10);
    for (let second = 11; second < 1_000; second++) idle.record(at(1_000n), second * SECOND);
    expect(idle.lagOf(at(1_000n), 1_000 * SECOND)).toEqual({ ms: 0, bytes: 0 });
  });

  it('starts with the first write after an idle hour, not with the hour', () => {
    const idle = history();
    for (let second = 0; second <= 3_600; second++) idle.record(at(100n), second * SECOND);
    idle.record(at(200n), 3_601 * SECOND);
    expect(idle.lagOf(at(100n), 3_601 * SECOND)?.ms).toBe(1_000);
    expect(idle.lagOf(at(199n), 3_601 * SECOND)?.ms).toBeLessThan(1_000);
  });

  it('counts an idle hour that the replica has not reached the start of', () => {
    const idle = history();
    idle.record(at(100n), 0);
    for (let second = 1; second <= 60; second++) idle.record(at(200n), second * SECOND);
    expect(idle.lagOf(at(100n), 60 * SECOND)?.ms).toBe(60 * SECOND);
    expect(idle.lagOf(at(150n), 60 * SECOND)?.ms).toBe(59.5 * SECOND);
  });

  it('of a replica that is cut off grows with the writes it misses', () => {
    const lags = [10, 20, 40].map((seconds) => busy(seconds).lagOf(at(500n), seconds * SECOND)?.ms);
    expect(lags).toEqual([5_000, 15_000, 35_000]);
  });

  it('of a position older than all that is remembered is at least that long', () => {
    expect(busy(300).lagOf(at(0n), 300 * SECOND)?.ms).toBeGreaterThanOrEqual(60 * SECOND);
    const young = history();
    young.record(at(500n), 0);
    expect(young.lagOf(at(100n), 2 * SECOND)).toEqual({ ms: 2_000, bytes: 400 });
  });
});

describe('while the primary is down', () => {
  it('a replica that has its last known position has no lag', () => {
    expect(busy(20).lagOf(at(2_000n), 999 * SECOND)).toEqual({ ms: 0, bytes: 0 });
  });

  it('the lag of a replica that has not stops growing, and falls as it replays the rest', () => {
    const down = busy(20);
    expect(down.lagOf(at(1_500n), 23 * SECOND)?.ms).toBe(8_000);
    expect(down.lagOf(at(1_500n), 999 * SECOND)?.ms).toBe(8_000);
    expect(down.lagOf(at(1_900n), 999 * SECOND)?.ms).toBe(4_000);
  });

  it('a replica that received more shows what the others miss', () => {
    const down = busy(20);
    down.witness(at(2_500n), 25 * SECOND);
    expect(down.lagOf(at(2_000n), 26 * SECOND)).toEqual({ ms: 6_000, bytes: 500 });
    expect(down.lagOf(at(2_500n), 26 * SECOND)?.ms).toBe(0);
  });

  it('only then: a primary that answers speaks for itself', () => {
    const up = busy(20);
    up.witness(at(2_500n), 22 * SECOND);
    expect(up.lagOf(at(2_000n), 22 * SECOND)).toEqual({ ms: 0, bytes: 0 });
  });

  it('a replica that has less shows nothing', () => {
    const down = busy(20);
    down.witness(at(1_500n), 25 * SECOND);
    expect(down.lagOf(at(1_500n), 25 * SECOND)?.ms).toBe(8_000);
  });
});

describe('after a failover', () => {
  it('what the new primary never had counts no more', () => {
    const failed = busy(20);
    failed.record(at(1_950n), 21 * SECOND);
    expect(failed.lagOf(at(1_950n), 21 * SECOND)).toEqual({ ms: 0, bytes: 0 });
    expect(failed.lagOf(at(1_500n), 21 * SECOND)).toEqual({ ms: 6_000, bytes: 450 });
    failed.record(at(2_050n), 22 * SECOND);
    expect(failed.lagOf(at(2_000n), 22 * SECOND)).toEqual({ ms: 500, bytes: 50 });
  });
});

describe('the history', () => {
  it('stays small, however often positions come and however long', () => {
    const made = history();
    for (let ms = 0; ms <= 300 * SECOND; ms += 20) made.record(at(BigInt(ms)), ms);
    expect(made.size).toBeLessThan(130);
  });

  it('is as exact when positions come far more often than once per interval', () => {
    const made = history();
    for (let ms = 0; ms <= 50 * SECOND; ms += 20) made.record(at(BigInt(ms)), ms);
    expect(made.lagOf(at(20_000n), 50 * SECOND)?.ms).toBeCloseTo(30_000, -2);
  });
});
