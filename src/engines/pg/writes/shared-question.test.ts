import { describe, expect, it } from '@jest/globals';
import { SharedQuestion } from './shared-question.js';

/** Questions as they are sent, each answered by hand. */
function line() {
  const sent: { readonly by: string; answer(row: string): void; fail(error: Error): void }[] = [];
  const shared = new SharedQuestion<string>();
  const ask = (by: string): Promise<string> =>
    shared.ask(() => new Promise((answer, fail) => sent.push({ by, answer, fail })));
  return { shared, sent, ask };
}

describe('a question shared by several writes', () => {
  it('answers for all who ask before it is sent, and for no others', async () => {
    const { sent, ask } = line();
    const first = ask('a');
    const others = ['b', 'c', 'd'].map(ask);
    expect(sent.map(({ by }) => by)).toEqual(['a']);
    sent[0]?.answer('before b');
    expect(await first).toBe('before b');
    await Promise.resolve();
    expect(sent.map(({ by }) => by)).toEqual(['a', 'b']);
    const late = ask('e');
    sent[1]?.answer('behind d');
    expect(await Promise.all(others)).toEqual(['behind d', 'behind d', 'behind d']);
    await Promise.resolve();
    sent[2]?.answer('behind e');
    expect(await late).toBe('behind e');
  });

  it('that fails fails for those only who share it', async () => {
    const { sent, ask } = line();
    const first = ask('a');
    const next = ask('b');
    sent[0]?.fail(new Error('lost'));
    await expect(first).rejects.toThrow('lost');
    await Promise.resolve();
    sent[1]?.answer('behind b');
    expect(await next).toBe('behind b');
  });

  it('is for writes that wait for one another, not for ones that wait for the network', () => {
    const { shared } = line();
    for (let round = 0; round < 3; round += 1) shared.begin()();
    expect(shared.isWorthwhile).toBe(false);
    const ends = Array.from({ length: 8 }, () => shared.begin());
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < 20); // so much longer than the first ones took
    for (const end of ends.slice(0, 4)) end();
    expect(shared.isWorthwhile).toBe(true);
    for (const end of ends) end();
    expect(shared.isWorthwhile).toBe(false);
  });
});
