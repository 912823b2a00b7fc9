import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn, setTimeout } from 'node:timers/promises';
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
    await turn();
    expect(sent.map(({ by }) => by)).toEqual(['a', 'b']);
    const late = ask('e');
    sent[1]?.answer('behind d');
    expect(await Promise.all(others)).toEqual(['behind d', 'behind d', 'behind d']);
    await turn();
    sent[2]?.answer('behind e');
    expect(await late).toBe('behind e');
  });

  it('that fails fails for those only who share it', async () => {
    const { sent, ask } = line();
    const first = ask('a');
    const next = ask('b');
    sent[0]?.fail(new Error('lost'));
    await expect(first).rejects.toThrow('lost');
    await turn();
    sent[1]?.answer('behind b');
    expect(await next).toBe('behind b');
  });

  it('is sent once as many wait for it as are not answered yet', async () => {
    const { shared, sent, ask } = line();
    const [first, second, third, ...others] = Array.from({ length: 5 }, () => shared.begin());
    first?.(true);
    const answers = [ask('a')];
    second?.(true);
    answers.push(ask('b'));
    expect(sent).toEqual([]);
    third?.(true);
    expect(sent).toEqual([]);
    answers.push(ask('c'));
    expect(sent.map(({ by }) => by)).toEqual(['a']);
    sent[0]?.answer('behind c');
    expect(await Promise.all(answers)).toEqual(['behind c', 'behind c', 'behind c']);
    const last = ask('d');
    expect(sent.length).toBe(1);
    for (const fail of others) fail(); // with no position to ask for
    sent[1]?.answer('behind d');
    expect(await last).toBe('behind d');
  });

  it('does not wait for writes that take long, such as for a lock, whenever their time is over', async () => {
    const { shared, sent, ask } = line();
    shared.begin();
    shared.begin();
    const answer = ask('a');
    expect(sent).toEqual([]);
    while (sent.length === 0) await turn();
    const next = ask('b');
    await setTimeout(5);
    expect(sent.length).toBe(1);
    sent[0]?.answer('behind a');
    expect(await answer).toBe('behind a');
    await turn();
    sent[1]?.answer('behind b');
    expect(await next).toBe('behind b');
  });

  it('is for writes that wait for one another, not for ones that wait for the network', () => {
    const { shared } = line();
    for (let round = 0; round < 3; round += 1) shared.begin()();
    expect(shared.isWorthwhile).toBe(false);
    const ends = Array.from({ length: 8 }, () => shared.begin());
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < 40); // so much longer than the first ones took
    for (const end of ends.slice(0, 4)) end();
    expect(shared.isWorthwhile).toBe(true);
    for (const end of ends) end();
    expect(shared.isWorthwhile).toBe(false);
  });
});
