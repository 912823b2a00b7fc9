import { describe, expect, it } from '@jest/globals';
import { createMemoryTokenStore } from './memory-token-store.js';

/** As merging of tokens is not the subject here: the highest text wins. */
const highest = (texts: readonly string[]) => texts.toSorted().at(-1) ?? '';

function createStore(maxEntries?: number) {
  const clock = { nowMs: 0 };
  const now = () => clock.nowMs;
  return {
    clock,
    store: createMemoryTokenStore({ now, newest: highest, ...(maxEntries && { maxEntries }) }),
  };
}

describe('the memory of the process', () => {
  it('keeps the last text of a key for its time', async () => {
    const { clock, store } = createStore();
    await store.set('ann', 'T1', 100);
    await store.set('ann', 'T2', 100);
    clock.nowMs = 99;
    expect(await store.get('ann')).toBe('T2');
    clock.nowMs = 100;
    expect(await store.get('ann')).toBeUndefined();
  });

  it('knows nothing of a key that it was not told of', async () => {
    const { store } = createStore();
    await store.set('ann', 'T1', 100);
    expect(await store.get('bob')).toBeUndefined();
  });

  it('demands of every key that is not there what it had to forget, as long as that lived', async () => {
    const { clock, store } = createStore(2);
    for (const [key, text] of Object.entries({ ann: 'T3', bob: 'T1', cid: 'T4', dan: 'T5' })) {
      await store.set(key, text, 100);
      clock.nowMs += 10;
    }
    expect(await Promise.all(['ann', 'bob', 'cid', 'dan', 'eve'].map((key) => store.get(key)))).toEqual([
      'T3',
      'T3',
      'T4',
      'T5',
      'T3',
    ]);
    clock.nowMs = 110;
    expect(await store.get('ann')).toBeUndefined();
    expect(await store.get('cid')).toBe('T4');
  });

  it('demands nothing for what had expired before it was forgotten', async () => {
    const { clock, store } = createStore(1);
    await store.set('ann', 'T1', 100);
    clock.nowMs = 100;
    await store.set('bob', 'T2', 100);
    expect(await store.get('ann')).toBeUndefined();
  });

  it('demands it for the longest of the lives it had to forget', async () => {
    const { clock, store } = createStore(1);
    await store.set('ann', 'T1', 1_000);
    await store.set('bob', 'T2', 100);
    await store.set('cid', 'T3', 10);
    clock.nowMs = 500;
    await store.set('dan', 'T4', 100);
    expect(await store.get('ann')).toBe('T2');
  });

  it('forgets the key that was written first, not the one that was new first', async () => {
    const { store } = createStore(2);
    for (const [key, text] of [
      ['ann', 'T1'],
      ['bob', 'T2'],
      ['ann', 'T3'],
      ['cid', 'T4'],
    ] as const) {
      await store.set(key, text, 100);
    }
    expect(await Promise.all(['ann', 'bob', 'cid'].map((key) => store.get(key)))).toEqual(['T3', 'T2', 'T4']);
    expect(await store.get('eve')).toBe('T2');
  });
});
