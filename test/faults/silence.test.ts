import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode, type TcpProxy } from 'nestjs-replicated/testing';
import { numbersTo, SESSION_ID, SESSIONS, SLEEP, startCluster } from '../support/database.js';
import { FaultApp } from './fault-app.js';

const LIMIT_MS = 600;

describe('monitor.queryTimeoutMs', () => {
  let cluster: PostgresCluster;
  let app: FaultApp;
  let proxy: TcpProxy;
  let replica: PostgresNode;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    [replica] = cluster.replicas as [PostgresNode];
    proxy = await replica.proxy();
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: proxy.through(replica.url), poolSize: 1 }],
      // A probe would find out before, and end the connection.
      monitor: { queryTimeoutMs: LIMIT_MS, intervalMs: 8_000 },
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  /** Streams rows on the replica, 500 of them in 1.5 s or more. */
  const streamed = (onRow: (count: number) => Promise<void> | undefined): Promise<number> =>
    app.selector.run({ intent: 'replica' }, async () => {
      const runner = app.dataSource.createQueryRunner('slave');
      try {
        const rows = await runner.stream(
          // So wide that the server's buffer is full before it has been silent for long.
          `SELECT n, ${SLEEP}(0.003), REPEAT('x', 1000) FROM ${numbersTo(500)}`,
        );
        let count = 0;
        for await (const _ of rows) await onRow(++count);
        expect(app.selector.route?.node).toBe('replica-1');
        return count;
      } finally {
        await runner.release();
      }
    });

  it('ends a query whose answer was lost on the way, and its connection is not used again', async () => {
    const backend = async (): Promise<unknown> =>
      ((await app.read(`SELECT ${SESSION_ID} AS pid`)) as [{ pid: number }])[0].pid;
    const before = await backend();
    const asked = app.read(`SELECT ${SLEEP}(2) AS lost`);
    await waitUntil(async () => {
      const sessions = (await replica.query(`SELECT * FROM ${SESSIONS} WHERE is_active`)) as {
        text: string;
      }[];
      return sessions.some(({ text }) => text.includes('lost'));
    });
    proxy.blackhole();
    proxy.resume(); // for all other connections
    await expect(asked).rejects.toThrow(/said nothing for 600 ms/);
    const after = await app.selector.run({ intent: 'replica' }, backend);
    expect(after).not.toBe(before);
    expect(app.stateOf('replica-1')).not.toBe('misconfigured');
  });

  it('does not end a stream that takes longer in all', async () => {
    await app.allServe();
    await expect(streamed(() => undefined)).resolves.toBe(500);
  });

  it('nor one whose reader takes its time', async () => {
    await app.allServe();
    await expect(streamed((count) => (count === 5 ? pause(2 * LIMIT_MS) : undefined))).resolves.toBe(500);
  });

  it('nor a transaction in which the application takes its time', async () => {
    await app.allServe();
    await app.selector.run({ intent: 'replica' }, () =>
      app.dataSource.transaction(async (manager) => {
        await manager.query('SELECT 1');
        await pause(2 * LIMIT_MS);
        await expect(manager.query('SELECT 1 AS one')).resolves.toEqual([{ one: 1 }]);
      }),
    );
  });
});
