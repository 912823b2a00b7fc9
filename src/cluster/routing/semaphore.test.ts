import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../../test/support/fake-clock.js';
import { Semaphore, type ReleasePermit } from './semaphore.js';

describe('the permits of a semaphore', () => {
  let clock: FakeClock;
  let semaphore: Semaphore;
  beforeEach(() => {
    clock = new FakeClock();
    semaphore = new Semaphore({ max: 2, maxWaitMs: 100, clock });
  });
  const take = () => semaphore.take() as ReleasePermit;

  it('are given at once up to the limit', () => {
    expect([typeof take(), typeof take()]).toEqual(['function', 'function']);
    expect(semaphore.take()).toBeInstanceOf(Promise);
  });

  it('pass to those who wait, the first one first', async () => {
    const release = take();
    take();
    const order: string[] = [];
    void Promise.resolve(semaphore.take()).then(() => order.push('first'));
    void Promise.resolve(semaphore.take()).then(() => order.push('second'));
    release();
    release(); // releases nobody else's
    await settle();
    expect(order).toEqual(['first']);
  });

  it('are not waited for longer than the limit', async () => {
    const release = take();
    take();
    const late = Promise.resolve(semaphore.take());
    await clock.advance(100);
    expect(await late).toBeUndefined();
    release();
    expect(typeof take()).toBe('function');
    expect(clock.pending).toBe(0);
  });

  it('leave no timer behind', async () => {
    const release = take();
    take();
    const waiting = semaphore.take();
    release();
    expect(typeof (await waiting)).toBe('function');
    expect(clock.pending).toBe(0);
  });
});
