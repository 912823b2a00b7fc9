import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import type { QueryRunner } from 'typeorm';
import {
  COUNT,
  endSession,
  hasHeardOfItsEnd,
  IS_REPLICA,
  SERVER_PORT,
  SESSION_ID,
  SESSIONS,
  SET_MINE,
  sqlOf,
  startCluster,
  YES,
} from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

const PID = `SELECT ${SESSION_ID} AS pid`;
const INSERT = `INSERT INTO note (text) VALUES ('kept')`;
const SLOW_INSERT = sqlOf({
  postgres: `INSERT INTO note (text) SELECT 'lost' FROM pg_sleep(20)`,
  mariadb: `INSERT INTO note (text) SELECT 'lost' FROM (SELECT SLEEP(20)) AS slept`,
});

describe('a query runner that lives as long as its process', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let first: PostgresNode;
  let second: PostgresNode;
  let app: FaultApp;
  let runner: QueryRunner;

  beforeEach(async () => {
    cluster = await startCluster({ replicas: 2 });
    primary = cluster.primary;
    [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      cluster: { failover: 'follow', primaryWaitMs: 8_000 },
    });
    await app.allServe();
    runner = app.dataSource.createQueryRunner('master');
  });
  afterEach(async () => {
    await runner?.release();
    await app?.close();
    await cluster?.stop();
  });

  const countOn = async (node: PostgresNode): Promise<number> =>
    (await node.query<{ count: number }>(`SELECT ${COUNT} FROM note`))[0]?.count ?? -1;
  const pidOf = async (): Promise<number> => ((await runner.query(PID)) as [{ pid: number }])[0].pid;
  async function endItsSession(): Promise<void> {
    await primary.control(endSession(await pidOf()));
    await waitUntil(() => hasHeardOfItsEnd(runner));
  }

  it('writes on another connection when its own has died while it was idle', async () => {
    await runner.query(INSERT);
    const before = await pidOf();
    await endItsSession();
    await runner.query(INSERT);
    expect(await pidOf()).not.toBe(before);
    await endItsSession();
    const rows = [];
    for await (const row of await runner.stream(PID)) rows.push(row);
    expect(rows).toHaveLength(1);
    await endItsSession();
    await runner.startTransaction();
    await runner.query(INSERT);
    await runner.commitTransaction();
    expect(await countOn(primary)).toBe(3);
  });

  it('the same by its manager, whatever that is asked for', async () => {
    const { manager } = runner;
    const uses: (() => Promise<unknown>)[] = [
      () => manager.query(INSERT),
      () => manager.insert(Note, { text: 'kept' }),
      () => manager.save(Note, { text: 'kept' }),
      () => manager.find(Note),
      () => manager.transaction((inner) => inner.insert(Note, { text: 'kept' })),
      () => manager.createQueryBuilder().insert().into(Note).values({ text: 'kept' }).execute(),
    ];
    for (const use of uses) {
      await endItsSession();
      await use();
    }
    expect(await countOn(primary)).toBe(5);
    const reader = app.dataSource.createQueryRunner('slave');
    try {
      const [session] = (await reader.query(`${PID}, ${SERVER_PORT} AS port`)) as [
        { pid: number; port: number },
      ];
      const node = cluster.replicas.find(({ port }) => port === session.port) as PostgresNode;
      await node.control(endSession(session.pid));
      await waitUntil(() => hasHeardOfItsEnd(reader));
      expect(await reader.manager.query(`SELECT ${IS_REPLICA}`)).toEqual([{ isReplica: YES }]);
    } finally {
      await reader.release();
    }
  });

  it('writes again after a statement that was lost with its connection, which is not repeated', async () => {
    const pid = await pidOf();
    const lost = runner.query(SLOW_INSERT);
    await waitUntil(async () => {
      const rows = await primary.control(
        `SELECT 1 FROM ${SESSIONS} WHERE is_active AND text LIKE '%''lost''%'`,
      );
      return rows.length > 0;
    });
    await primary.control(endSession(pid));
    await expect(lost).rejects.toThrow();
    await runner.query(INSERT);
    expect(await countOn(primary)).toBe(1);
  });

  it('follows a failover', async () => {
    await runner.query(INSERT);
    await cluster.waitForReplication();
    await primary.stop();
    await first.promote();
    await second.follow(first);
    await runner.query(INSERT);
    expect(await countOn(first)).toBe(2);
  });

  it.each([
    ['inside a transaction of TypeORM', () => runner.startTransaction()],
    ['inside a transaction', () => runner.query('BEGIN')],
    ['with settings of its own', () => runner.query(SET_MINE)],
  ])('fails %s, rather than going on without it', async (_what, begin) => {
    await begin();
    await runner.query(INSERT);
    await endItsSession();
    await expect(runner.query(INSERT)).rejects.toThrow();
    await expect(runner.query(INSERT)).rejects.toThrow();
  });

  it('reads elsewhere when its replica has died', async () => {
    const reader = await app.selector.run({ intent: 'replica' }, async () =>
      app.dataSource.createQueryRunner(),
    );
    const portOf = async () => (await reader.query(`SELECT ${SERVER_PORT} AS port`))[0].port as number;
    try {
      const port = await portOf();
      const node = cluster.replicas.find((replica) => replica.port === port) as PostgresNode;
      await node.kill();
      await waitUntil(() => hasHeardOfItsEnd(reader));
      expect(await portOf()).not.toBe(port);
    } finally {
      await reader.release();
    }
  });
});
