import { describe, expect, it } from '@jest/globals';
import { lookPeriodMs, nextAskMs, nextForecastMs } from './ask-plan.js';

describe('a read that waits', () => {
  const waiting = {
    nowMs: 100,
    sinceMs: 100,
    untilMs: 120,
    forecastMs: 5,
    lastAskMs: -Infinity,
    freeFromMs: -Infinity,
  };

  it.each([
    ['when replicas are expected to have what it waits for', {}, 105],
    ['early enough for an answer, however late they are expected to', { forecastMs: 40 }, 115],
    ['after the answer to another read, which may tell as much', { lastAskMs: 104 }, 107],
    ['not before a replica may be asked again', { freeFromMs: 112 }, 112],
    ['at once, when its time has come', { nowMs: 109 }, 109],
  ])('asks %s', (_when, given, expected) => {
    expect(nextAskMs({ ...waiting, ...given })).toBe(expected);
  });
});

describe('the forecast', () => {
  it('grows with an ask that came too early, and shrinks with one that did not', () => {
    expect(nextForecastMs(10, 10, false)).toBeCloseTo(15);
    expect(nextForecastMs(10, 10, true)).toBeCloseTo(9.8);
  });

  it('follows an ask that was made at another time than it said', () => {
    expect(nextForecastMs(10, 15, false)).toBeCloseTo(22.5);
    expect(nextForecastMs(40, 15, true)).toBeCloseTo(14.7);
    expect(nextForecastMs(10, 15, true)).toBeCloseTo(9.8);
  });

  it('settles where about one ask in twenty comes too early', () => {
    let forecastMs = 2;
    let early = 0;
    for (let ask = 0; ask < 10_000; ask++) {
      const replayMs = (ask * 7_919) % 100; // every time from 0 to 99 ms as often as any other
      const had = replayMs <= forecastMs;
      if (!had) early += 1;
      forecastMs = nextForecastMs(forecastMs, forecastMs, had);
    }
    expect(early / 10_000).toBeCloseTo(0.05, 1);
    expect(forecastMs).toBeGreaterThan(70);
  });

  it('stays above the shortest time in which a replica on the same network replays', () => {
    let forecastMs = 2;
    for (let ask = 0; ask < 100; ask++) forecastMs = nextForecastMs(forecastMs, forecastMs, true);
    expect(forecastMs).toBe(2);
  });
});

describe('reads that do not wait', () => {
  it('have replicas asked the less often, the longer these miss what an earlier one has waited for', () => {
    expect([20, 160, 200, 4_000].map(lookPeriodMs)).toEqual([40, 40, 50, 1_000]);
  });
});
