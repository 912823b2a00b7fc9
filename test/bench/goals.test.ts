import { describe, expect, it } from '@jest/globals';
import { missedGoals } from '../../bench/page/goals.js';
import { ratioCell } from '../../bench/page/markdown.js';
import type { Results } from '../../bench/results.js';

const exactly = (median: number) => ({ median, low: median, high: median });

/** GETs of which each contender's costs so many microseconds, the platform's share 100. */
function getsOf({ session = 100, control = 100, othersBusy = 0 }): Results {
  const costs = { plain: 100, control, platform: 100, session } as const;
  const requests = (Object.keys(costs) as (keyof typeof costs)[]).map((contender) => {
    const figures = { cpuUs: [[costs[contender]]], p50Ms: [[1]] };
    return { node: 'v20.20.2', on: 'express', what: 'GET', contender, failed: 0, ...figures };
  });
  const circumstances = { mode: 'full', date: '2026-01-01T00:00:00Z', minutes: 1, othersBusy };
  return { machine: {}, versions: {}, circumstances: { requests: circumstances }, parts: { requests } };
}

describe('a goal', () => {
  it('is missed when a ratio is higher than it', () => {
    expect(missedGoals(getsOf({ session: 110 }), ['requests'])).toMatchObject([
      { atMost: 1.08, measured: 1.1 },
    ]);
    expect(missedGoals(getsOf({ session: 107 }), ['requests'])).toEqual([]);
  });

  it('is not judged on a machine that other programs use', () => {
    expect(missedGoals(getsOf({ session: 150, othersBusy: 0.2 }), ['requests'])).toEqual([]);
  });

  it('is not judged within what plain against plain differs, nor where that is much', () => {
    expect(missedGoals(getsOf({ session: 110, control: 104 }), ['requests'])).toEqual([]);
    expect(missedGoals(getsOf({ session: 150, control: 120 }), ['requests'])).toEqual([]);
  });

  it('is judged of what was measured in this run', () => {
    expect(missedGoals(getsOf({ session: 150 }), ['calls'])).toEqual([]);
  });
});

describe('a ratio on the page', () => {
  it('has its quartiles', () => {
    expect(ratioCell({ median: 1.07, low: 1.05, high: 1.1 }, exactly(1.01))).toBe('1.07 (1.05 to 1.10)');
  });

  it('is not measurable where plain against plain differs by more', () => {
    expect(ratioCell(exactly(1.03), exactly(0.96))).toBe('not measurable here');
  });
});
