import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { prepareClient } from './prepare-client.js';

type Done = (error: unknown, result?: unknown) => void;

/** Answers as node-postgres does: a callback where it is given one, and a promise otherwise. */
class FakeClient extends EventEmitter {
  readonly asked: unknown[][] = [];

  query(...args: unknown[]): unknown {
    this.asked.push(args);
    const done = args.at(-1);
    if (typeof done !== 'function') return 'its own answer';
    setImmediate(() => (args[0] === 'fail' ? done(new Error('refused')) : (done as Done)(null, 'rows')));
    return undefined;
  }
}

function prepared(): FakeClient {
  const client = new FakeClient();
  prepareClient(client);
  return client;
}

describe('a prepared connection', () => {
  it.each<[string, unknown[]]>([
    ['a text', ['SELECT 1']],
    ['a text with values', ['SELECT $1', [2]]],
    ['a text with nothing for values', ['SELECT 1', undefined]],
  ])('answers %s with a promise, but asks with a callback', async (_what, args) => {
    const client = prepared();
    expect(await client.query(...args)).toBe('rows');
    expect(client.asked).toEqual([[args[0], args[1], expect.any(Function)]]);
  });

  it.each<[string, unknown[]]>([
    ['a callback behind the text', ['SELECT 1', () => undefined]],
    ['a callback behind the values', ['SELECT $1', [2], () => undefined]],
    ['a config, which may be used again', [{ text: 'SELECT 1' }]],
    ['what sends itself', [{ submit: () => undefined }]],
    ['nothing', []],
  ])('hands %s on as it is', (_what, args) => {
    const client = prepared();
    const answer = client.query(...args);
    expect(client.asked).toEqual([args]);
    expect(answer).toBe(typeof args.at(-1) === 'function' ? undefined : 'its own answer');
  });

  it('fails with a stack that leads to who has asked', async () => {
    const client = prepared();
    const askInVain = async () => {
      await client.query('fail');
    };
    const error = (await askInVain().catch((reason: unknown) => reason)) as Error;
    expect(error.message).toBe('refused');
    expect(error.stack).toContain('askInVain');
  });

  it('may fail while nobody listens', () => {
    const client = prepared();
    expect(() => client.emit('error', new Error('Connection terminated unexpectedly'))).not.toThrow();
  });
});
