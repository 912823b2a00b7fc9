import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../../test/fake-clock.js';
import { Turns, type EndTurn } from './semaphore.js';

describe('turns', () => {
  let clock: FakeClock;
  let turns: Turns;
  beforeEach(() => {
    clock = new FakeClock();
    turns = new Turns({ max: 2, maxWaitMs: 100, clock });
  });
  const take = () => turns.take() as EndTurn;

  it('are given at once up to the limit', () => {
    expect([typeof take(), typeof take()]).toEqual(['function', 'function']);
    expect(turns.take()).toBeInstanceOf(Promise);
  });

  it('pass to those who wait, the first one first', async () => {
    const end = take();
    take();
    const order: string[] = [];
    void Promise.resolve(turns.take()).then(() => order.push('first'));
    void Promise.resolve(turns.take()).then(() => order.push('second'));
    end();
    end(); // ends nobody else's
    await settle();
    expect(order).toEqual(['first']);
  });

  it('are not waited for longer than the limit', async () => {
    const end = take();
    take();
    const late = Promise.resolve(turns.take());
    await clock.advance(100);
    expect(await late).toBeUndefined();
    end();
    expect(typeof take()).toBe('function');
    expect(clock.pending).toBe(0);
  });

  it('leave no timer behind', async () => {
    const end = take();
    take();
    const waiting = turns.take();
    end();
    expect(typeof (await waiting)).toBe('function');
    expect(clock.pending).toBe(0);
  });
});
