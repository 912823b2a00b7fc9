import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { TRANSACTION_STATUS, type PgClient } from '../internals.js';
import { connectRunner, prepareClient } from './connections.js';

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
  prepareClient(client as unknown as PgClient);
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
    ['a callback after the text', ['SELECT 1', () => undefined]],
    ['a callback after the values', ['SELECT $1', [2], () => undefined]],
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

  it('may fail while nothing listens to it', () => {
    const client = prepared();
    expect(() => client.emit('error', new Error('Connection terminated unexpectedly'))).not.toThrow();
  });

  it('knows of its transaction what the server has said last', () => {
    const connection = new EventEmitter();
    const client = Object.assign(new FakeClient(), { connection }) as unknown as PgClient;
    prepareClient(client);
    const seen = ['T', 'E', undefined, 'I'].map((status) => {
      connection.emit('readyForQuery', { status });
      return { ...client[TRANSACTION_STATUS] };
    });
    const failed = { isOpen: true, isAborted: true };
    expect(seen).toEqual([
      { isOpen: true, isAborted: false },
      failed,
      failed,
      { isOpen: false, isAborted: false },
    ]);
  });
});

describe('a checkout', () => {
  type Taken = (error: unknown, client: unknown, release: () => void) => void;

  function createPool(idleCount: number) {
    const asked: { done: Taken; limitMs: number | undefined }[] = [];
    const pool = {
      idleCount,
      waitingCount: 0,
      options: { connectionTimeoutMillis: 3_000 },
      connect: (done: Taken) => void asked.push({ done, limitMs: pool.options.connectionTimeoutMillis }),
    };
    const connecting = connectRunner({} as QueryRunner, { master: pool, connectedQueryRunners: [] });
    return { pool, asked, connecting };
  }

  it('of an idle connection starts no timer', () => {
    const { pool, asked } = createPool(1);
    expect([asked[0]?.limitMs, pool.options.connectionTimeoutMillis]).toEqual([0, 3_000]);
  });

  it('that must wait is limited', () => {
    expect(createPool(0).asked[0]?.limitMs).toBe(3_000);
  });

  it('that was given up gives back the connection that comes all the same', async () => {
    const { asked, connecting } = createPool(0);
    let released = 0;
    asked[0]?.done('too late', undefined, () => undefined);
    asked[0]?.done(undefined, new EventEmitter(), () => (released += 1));
    await expect(connecting).rejects.toBe('too late');
    expect(released).toBe(1);
  });
});
