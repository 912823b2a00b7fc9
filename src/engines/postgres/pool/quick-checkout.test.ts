import { describe, expect, it } from '@jest/globals';
import { quickCheckouts } from './quick-checkout.js';

type Done = (error: unknown, client: unknown, release: () => void) => void;

function createPool(idleCount: number) {
  const asked: { done: Done; limitMs: number | undefined }[] = [];
  const pool = {
    idleCount,
    waitingCount: 0,
    options: { connectionTimeoutMillis: 3_000 },
    connect: (done: Done) => void asked.push({ done, limitMs: pool.options.connectionTimeoutMillis }),
  };
  return { pool, asked };
}

describe('a checkout', () => {
  it('of an idle connection starts no timer', () => {
    const { pool, asked } = createPool(1);
    quickCheckouts(pool).connect(() => undefined);
    expect([asked[0]?.limitMs, pool.options.connectionTimeoutMillis]).toEqual([0, 3_000]);
  });

  it('that must wait is limited', () => {
    const { pool, asked } = createPool(0);
    quickCheckouts(pool).connect(() => undefined);
    expect(asked[0]?.limitMs).toBe(3_000);
  });

  it('that was given up gives back the connection that comes all the same', () => {
    const { pool, asked } = createPool(0);
    const answers: unknown[] = [];
    let released = 0;
    quickCheckouts(pool).connect((error, client) => answers.push(error ?? client));
    asked[0]?.done('too late', undefined, () => undefined);
    asked[0]?.done(undefined, 'client', () => (released += 1));
    expect([answers, released]).toEqual([['too late'], 1]);
  });
});
