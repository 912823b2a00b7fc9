import { describe, expect, it } from '@jest/globals';
import { ClientAffinity } from './client-affinity.js';

/** The key that a client has when the application's function is `ask`, and what is reported of it. */
function keyBy(ask: (request: unknown) => unknown): { key: unknown; problems: unknown[] } {
  const problems: unknown[] = [];
  const affinity = new ClientAffinity(ask, (error) => problems.push((error as Error).message));
  return { key: affinity.keyOf({ platformRequest: { user: 'ann' } }), problems };
}

describe('the key of a client', () => {
  it.each<[string, unknown, string | undefined]>([
    ['a string', 'ann', 'ann'],
    ['a number', 42, '42'],
    ['an object with a text of its own', { toString: () => 'id' }, 'id'],
    ['undefined', undefined, undefined],
    ['null', null, undefined],
    ['an empty string', '', undefined],
  ])('is what the application answers: %s', (_what, answer, key) => {
    expect(keyBy(() => answer)).toEqual({ key, problems: [] });
  });

  it('is of the request', () => {
    expect(keyBy((request) => (request as { user: string }).user).key).toBe('ann');
  });

  const throws = (): never => {
    throw new Error('no user');
  };
  it.each<[string, () => unknown, string]>([
    ['throws', throws, 'no user'],
    ['answers later', async () => 'ann', 'it has answered [object Promise], not a string or undefined.'],
    ['rejects', async () => throws(), 'it has answered [object Promise], not a string or undefined.'],
    ['answers an object', () => ({ id: 1 }), 'it has answered [object Object], not a string or undefined.'],
    ['answers what has no text', () => Object.create(null), 'Cannot convert object to primitive value'],
  ])('is none when the function %s', async (_what, ask, problem) => {
    expect(keyBy(ask)).toEqual({ key: undefined, problems: [problem] });
    await new Promise(setImmediate); // an unhandled rejection would end the process
  });

  it('is none outside of a request', () => {
    expect(new ClientAffinity(() => 'ann', throws).keyOf(undefined)).toBeUndefined();
  });
});
