import { describe, expect, it } from '@jest/globals';
import { createInTurn } from './in-turn.js';

describe('tasks take turns', () => {
  async function run(keys: readonly string[]) {
    const log: string[] = [];
    const last = new Map<string, Promise<unknown>>();
    const inTurn = createInTurn(last);
    const task = async (name: string) => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (name === '0') throw new Error('0 failed');
    };
    const turns = keys.map((key, index) => inTurn(key, (before) => before.then(() => task(String(index)))));
    const results = await Promise.allSettled(turns);
    return { log, last, failed: results.map(({ status }) => status === 'rejected') };
  }

  it('when they have the same key, also behind one that failed', async () => {
    const { log, failed } = await run(['a', 'a']);
    expect(log).toEqual(['0 starts', '0 ends', '1 starts', '1 ends']);
    expect(failed).toEqual([true, false]);
  });

  it('and do not wait for those of other keys', async () => {
    expect((await run(['a', 'b'])).log.slice(0, 2)).toEqual(['0 starts', '1 starts']);
  });

  it('and leave nothing behind', async () => {
    const { last } = await run(['a', 'b', 'a']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(last.size).toBe(0);
  });
});
