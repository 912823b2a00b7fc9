import { describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from './wait-until.js';

describe('waitUntil', () => {
  it('returns what the condition returns as soon as that is truthy', async () => {
    const values = [0, undefined, 'ready'];
    expect(await waitUntil(() => values.shift(), { intervalMs: 1 })).toBe('ready');
  });

  it('takes an error for "not yet"', async () => {
    let attempts = 0;
    const condition = async () => {
      if (++attempts < 3) throw new Error('too early');
      return attempts;
    };
    expect(await waitUntil(condition, { intervalMs: 1 })).toBe(3);
  });

  it('says at the deadline what it waited for, how long, and what failed last', async () => {
    const cause = new Error('connection refused');
    const waiting = waitUntil(() => Promise.reject(cause), {
      timeoutMs: 5,
      intervalMs: 1,
      message: 'the server',
    });
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_TESTING_TIMEOUT', cause });
    await expect(waiting).rejects.toThrow(/^Waited 5 ms for the server; .*connection refused/);
  });

  it('does not wait for an attempt that hangs', async () => {
    const waiting = waitUntil(() => new Promise<never>(() => undefined), { timeoutMs: 20 });
    await expect(waiting).rejects.toThrow(/no answer before the deadline/);
  });

  it('says what failed before it, also when the timer of the deadline fires a moment early', async () => {
    let nowMs = 0;
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    const times = [0, 19.5, 20];
    const waiting = waitUntil(
      () => {
        const atMs = times.shift() ?? 20;
        nowMs = atMs;
        if (atMs === 0) throw new Error('replica-1 still behind');
        return new Promise<never>(() => undefined);
      },
      { timeoutMs: 20, intervalMs: 1 },
    );
    await expect(waiting).rejects.toThrow(/replica-1 still behind/);
    clock.mockRestore();
  });

  it('tries at least once', async () => {
    expect(await waitUntil(() => true, { timeoutMs: 0 })).toBe(true);
  });
});
