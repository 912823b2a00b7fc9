import { describe, expect, it } from '@jest/globals';
import { historyOf } from '../positions.js';
import { primarySession } from './primary-session.js';

type Answer = Error | { readonly in_recovery: boolean; readonly timeline?: number | null };
type Done = (error?: Error | null) => void;

class FakeClient {
  readonly asked: string[] = [];
  constructor(private readonly answers: readonly Answer[]) {}
  query(sql: string, done: (error: Error | null, result?: { rows: unknown[] }) => void): void {
    const answer = this.answers[this.asked.push(sql) - 1] as Answer;
    if (answer instanceof Error) done(answer);
    else done(null, { rows: [answer] });
  }
}

function verify(client: FakeClient, newest: number | undefined, isPrimary?: () => boolean) {
  const terms = {
    newestHistory: () => (newest === undefined ? undefined : historyOf(newest)),
    ...(isPrimary && { isPrimary }),
  };
  const { extra } = primarySession({ extra: { max: 3 } }, terms) as {
    extra: { max: number; verify: (client: FakeClient, done: Done) => void };
  };
  expect(extra.max).toBe(3);
  return new Promise<string>((resolve) => {
    extra.verify(client, (error) => resolve(error ? error.message : 'accepted'));
  });
}

const refusal = (code: string): Error => Object.assign(new Error(`code ${code}`), { code });

describe('a new connection to the primary', () => {
  it.each<[string, readonly Answer[], number | undefined, RegExp]>([
    ['is accepted on the newest timeline', [{ in_recovery: false, timeline: 3 }], 3, /^accepted$/],
    ['is accepted on a newer one', [{ in_recovery: false, timeline: 4 }], 3, /^accepted$/],
    [
      'is accepted while no timeline is known',
      [{ in_recovery: false, timeline: 1 }],
      undefined,
      /^accepted$/,
    ],
    ['is refused by a standby', [{ in_recovery: true, timeline: null }], undefined, /standby/],
    ['is refused on an older timeline', [{ in_recovery: false, timeline: 2 }], 3, /former primary/],
    [
      'proves its role alone where timelines are not told',
      [refusal('42501'), { in_recovery: false }],
      3,
      /^accepted$/,
    ],
    ['is refused by such a standby, too', [refusal('0A000'), { in_recovery: true }], 3, /standby/],
    ['fails with the server’s own error', [refusal('57P03')], 3, /57P03/],
  ])('%s', async (_, answers, newest, expected) => {
    expect(await verify(new FakeClient(answers), newest)).toMatch(expected);
  });

  it('need not be one to the primary where the node is none', async () => {
    const client = new FakeClient([{ in_recovery: true }]);
    expect(await verify(client, 3, () => false)).toBe('accepted');
    expect(client.asked).toEqual([]);
  });
});
