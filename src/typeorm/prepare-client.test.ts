import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { storage } from '../context/storage.js';
import { UnitOfWork } from '../context/unit-of-work.js';
import { prepareClient } from './prepare-client.js';

class FakeClient extends EventEmitter {
  query(...args: unknown[]): unknown {
    return { on: this, args, scope: storage.getStore() };
  }
}

describe('a prepared connection', () => {
  it('runs its queries outside of the unit of work that asks, and nothing else', () => {
    const client = new FakeClient();
    prepareClient(client);
    const scope = { unit: new UnitOfWork({ kind: 'run' }) };
    const [answer, after] = storage.run(scope, () => [client.query('SELECT 1', [2]), storage.getStore()]);
    expect(answer).toEqual({ on: client, args: ['SELECT 1', [2]], scope: undefined });
    expect(after).toBe(scope);
  });

  it('may fail while nobody listens', () => {
    const client = new FakeClient();
    prepareClient(client);
    expect(() => client.emit('error', new Error('Connection terminated unexpectedly'))).not.toThrow();
  });
});
