import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { DataSource, type QueryRunner } from 'typeorm';
import { COUNT, isPostgres, SESSIONS, SLEEP, startCluster, TYPE } from '../support/database.js';
import { FaultApp } from './fault-app.js';

const LIMIT_MS = 500;

describe('reads that take long', () => {
  let cluster: PostgresCluster;
  let replica: PostgresNode;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    [replica] = cluster.replicas as [PostgresNode];
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url, poolSize: 3 }],
      routing: { primaryFallback: false },
      monitor: { queryTimeoutMs: LIMIT_MS },
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });
  beforeEach(() => app.allServe());

  /** How many sessions of the application are busy on the replica. */
  const busy = async (): Promise<number | undefined> => {
    const [row] = await replica.control<{ count: number }>(
      `SELECT ${COUNT} FROM ${SESSIONS} WHERE is_active`,
    );
    return row?.count;
  };
  const untilNoneIsBusy = (): Promise<unknown> =>
    waitUntil(async () => (await busy()) === 0, { timeoutMs: 3_000, message: 'no backend to be busy' });

  it('go on for as long as their server is at work, however long it says nothing', async () => {
    const rows = await app.read(`SELECT ${COUNT}, ${SLEEP}(3) FROM note`);
    expect(rows).toMatchObject([{ count: 0 }]);
  });

  it('go on side by side', async () => {
    const reads = Array.from({ length: 3 }, () => app.read(`SELECT ${SLEEP}(2)`));
    await expect(Promise.all(reads)).resolves.toHaveLength(3);
  });

  const withRunner = async <T>(mode: 'master' | 'slave', fn: (runner: QueryRunner) => Promise<T>) => {
    const runner = app.dataSource.createQueryRunner(mode);
    return fn(runner).finally(() => runner.release());
  };
  const LONG = `SELECT ${SLEEP}(2) AS slept`;
  const inStream = (mode: 'master' | 'slave') => () =>
    withRunner(mode, async (runner) => {
      const rows = [];
      for await (const row of await runner.stream(LONG)) rows.push(row);
      return rows;
    });
  const WAYS: [string, () => Promise<unknown>][] = [
    ['a stream whose first row is late', inStream('slave')],
    ['a query in a transaction', () => app.selector.run({ intent: 'replica' }, () => inTransaction(LONG))],
    ['a stream on the primary', inStream('master')],
    ['a query of a job on the primary', () => app.dataSource.query(LONG)],
    ['a write', () => app.dataSource.query(`INSERT INTO note (text) SELECT 'slow' FROM (${LONG}) AS s`)],
    [
      'a write in a transaction',
      () => inTransaction(`UPDATE note SET text = 'y' WHERE ${SLEEP}(2) IS NOT NULL`),
    ],
  ];
  const inTransaction = (sql: string) => app.dataSource.transaction((manager) => manager.query(sql));

  it.each(WAYS)('go on, so do others: %s', async (_what, work) => {
    await expect(work()).resolves.toBeDefined();
  });

  describe('and wait for a lock', () => {
    let unlock: () => unknown = () => undefined;
    let locking: Promise<unknown>;

    beforeEach(async () => {
      await app.dataSource.query('CREATE TABLE IF NOT EXISTS held (n int)');
      await (isPostgres ? lockByReplay() : lockOnReplica());
    });

    /** What the primary locks exclusively, its replicas lock as well. */
    const lockByReplay = async (): Promise<void> => {
      const held = new Promise<void>((resolve) => (unlock = resolve));
      locking = app.dataSource.transaction(async (manager) => {
        await manager.query('LOCK TABLE held IN ACCESS EXCLUSIVE MODE');
        await manager.query('INSERT INTO held VALUES (1)');
        await manager.query('SELECT pg_current_xact_id()');
        await held;
      });
      await waitUntil(async () => {
        await app.write(); // whose commit takes the lock's record along
        const [row] = await replica.control<{ isLocked: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock') AS "isLocked"`,
        );
        return row?.isLocked;
      });
    };

    const lockOnReplica = async (): Promise<void> => {
      await cluster.waitForReplication();
      const admin = await new DataSource({ type: TYPE, url: replica.superuserUrl }).initialize();
      const runner = admin.createQueryRunner();
      await runner.query('LOCK TABLES held WRITE');
      unlock = () => (locking = runner.release().then(() => admin.destroy()));
    };

    afterEach(async () => {
      unlock();
      await locking;
    });

    it('are given up, and their server is told', async () => {
      await expect(app.read(`SELECT count(*), ${SLEEP}(0) FROM held`)).rejects.toThrow(
        /said nothing for 500 ms/,
      );
      await untilNoneIsBusy();
    });
  });

  /** Node-postgres' own: mysql2 has one for single queries only. */
  const itOnPostgres = isPostgres ? it : it.skip;
  itOnPostgres('beyond a query_timeout of the driver are given up, and their server is told', async () => {
    const limited = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url, extra: { query_timeout: LIMIT_MS } }],
      routing: { primaryFallback: false },
    });
    try {
      await limited.allServe();
      await expect(limited.read('SELECT pg_sleep(25)')).rejects.toThrow(/Query read timeout/);
      await untilNoneIsBusy();
    } finally {
      await limited.close();
    }
  });
});
