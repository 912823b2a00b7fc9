import { describe, expect, it } from '@jest/globals';
import { withVerify, type Verify } from './with-verify.js';

type Client = string;

function run(first: Verify<Client>, own?: Verify<Client>): readonly unknown[] {
  const { extra } = withVerify<Client>({ extra: { max: 3, ...(own ? { verify: own } : {}) } }, first);
  const { verify, ...others } = extra as { readonly verify: Verify<Client> };
  expect(others).toEqual({ max: 3 });
  const answers: unknown[] = [];
  verify('client', (error) => answers.push(error?.message ?? 'accepted'));
  return answers;
}

const accept: Verify<Client> = (_client, done) => done();
const refuse =
  (why: string): Verify<Client> =>
  (_client, done) =>
    done(new Error(why));

describe('a new connection', () => {
  it.each<[string, Verify<Client>, Verify<Client> | undefined, string]>([
    ['is accepted', accept, undefined, 'accepted'],
    ['is refused', refuse('first'), undefined, 'first'],
    ['is accepted by the hook of the application, too', accept, accept, 'accepted'],
    ['is refused by the hook of the application', accept, refuse('own'), 'own'],
    ['is not shown to that hook once it is refused', refuse('first'), refuse('own'), 'first'],
  ])('%s', (_, first, own, expected) => expect(run(first, own)).toEqual([expected]));
});
