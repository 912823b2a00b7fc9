import { describe, expect, it } from '@jest/globals';
import { createSequences } from './stored-tokens.js';

describe('tasks run one after the other', () => {
  async function run(keys: readonly string[]) {
    const log: string[] = [];
    const last = new Map<string, Promise<unknown>>();
    const inSequence = createSequences(last);
    const task = async (name: string) => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (name === '0') throw new Error('0 failed');
    };
    const running = keys.map((key, index) =>
      inSequence(key, (before) => before.then(() => task(String(index)))),
    );
    const results = await Promise.allSettled(running);
    return { log, last, failed: results.map(({ status }) => status === 'rejected') };
  }

  it('when they have the same key, also after one that failed', async () => {
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
