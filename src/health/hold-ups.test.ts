import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/fake-clock.js';
import { HoldUps } from './hold-ups.js';

describe('that a process stood still', () => {
  let clock: FakeClock;
  let frozenMs: number;
  let holdUps: HoldUps;
  beforeEach(() => {
    clock = new FakeClock();
    frozenMs = 0;
    holdUps = new HoldUps({ now: () => clock.now() + frozenMs, delay: (ms) => clock.delay(ms) });
  });

  it('is not said of one whose timers fire in time', async () => {
    const delay = holdUps.delay(1_000);
    await clock.advance(1_000);
    expect(holdUps.stoodStillWithin(500)).toBe(false);
    expect(holdUps.end(delay)).toBe(false);
  });

  it('is noticed before the late timer itself has fired', () => {
    holdUps.delay(1_000);
    frozenMs = 4_500;
    expect(holdUps.stoodStillWithin(500)).toBe(true);
  });

  it('is noticed when the next delay begins, and remembered for a while', async () => {
    holdUps.delay(1_000);
    frozenMs = 4_500;
    const next = holdUps.delay(1_000);
    await clock.advance(500);
    expect(holdUps.stoodStillWithin(500)).toBe(true);
    await clock.advance(1);
    expect(holdUps.stoodStillWithin(500)).toBe(false);
    expect(holdUps.end(next)).toBe(false);
  });

  it('is not said for a few milliseconds, which a delay tells all the same', () => {
    const delay = holdUps.delay(1_000);
    frozenMs = 1_021;
    expect(holdUps.end(delay)).toBe(true);
    expect(holdUps.stoodStillWithin(500)).toBe(false);
  });

  it('is not said while no timer is awaited', () => {
    holdUps.end(holdUps.delay(1_000));
    frozenMs = 60_000;
    expect(holdUps.stoodStillWithin(500)).toBe(false);
  });
});
