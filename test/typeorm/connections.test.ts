import type { EventEmitter } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import {
  END_ITSELF,
  endSession,
  FAILING,
  isPostgres,
  NO_SUCH_TABLE,
  SESSION_ID,
  SET_BY_SELECT,
  SET_MINE,
  SLOW_ONE,
  startCluster,
} from '../support/database.js';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { Preferring } from './preferring.js';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Author, Book, Label } from './shop.js';

const PID = `SELECT ${SESSION_ID} AS pid`;
const POOL_SIZE = 4;

describe('connections', () => {
  let servers: PostgresCluster;
  let link: TcpProxy;
  let db: RoutedDatabase;
  let dataSource: DataSource;
  let manager: EntityManager;
  const balancing = new Preferring('linked');

  beforeAll(async () => {
    servers = await startCluster({ replicas: 1 });
    const [replica] = servers.replicas;
    if (!replica) throw new Error('The cluster has no replica.');
    link = await replica.proxy();
    db = await openRouted(
      {
        entities: [Author, Book, Label],
        replicas: [
          { url: link.through(replica.url), name: 'linked' },
          { url: replica.url, name: 'direct' },
        ],
        more: { routing: { balancing }, poolSize: POOL_SIZE },
      },
      servers,
    );
    ({ dataSource } = db);
    ({ manager } = dataSource);
  });
  afterAll(async () => {
    await db?.close();
    await servers?.stop();
  });
  afterEach(() => allUsable());

  const allUsable = (): Promise<unknown> =>
    waitUntil(() => db.cluster.nodes.every(({ state }) => state === 'usable'), { timeoutMs: 20_000 });
  const onReplica = <T>(fn: () => Promise<T>): Promise<T> => db.selector.run({ intent: 'replica' }, fn);
  const openRunner = (): Promise<QueryRunner> => onReplica(async () => dataSource.createQueryRunner());

  it('come back from everything that succeeds and everything that fails', async () => {
    const attempts: (() => Promise<unknown>)[] = [
      () => manager.find(Label),
      () => manager.query(FAILING.sql),
      () => manager.insert(Label, { text: 'x' }),
      () => manager.save(Label, { text: 'x' }),
      () => manager.transaction((inner) => inner.find(Label)),
      () => manager.transaction((inner) => inner.insert(Label, { text: 'x' })),
      () => manager.transaction('SERIALIZABLE', (inner) => inner.find(Label)),
      () => manager.createQueryBuilder(Label, 'label').where('nonsense').getMany(),
      () => manager.createQueryBuilder(Label, 'label').useTransaction(true).getMany(),
      () => manager.query(END_ITSELF),
    ];
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        attempts
          .flatMap((attempt) => [attempt, attempt])
          .map((attempt) => onReplica(attempt).catch(() => undefined)),
      );
    }
    expect(balancing.busy).toBe(0);
    await allUsable();
    expect(
      await Promise.all(Array.from({ length: POOL_SIZE }, () => onReplica(() => manager.count(Label)))),
    ).toEqual(Array.from({ length: POOL_SIZE }, () => 0));
    expect(balancing.busy).toBe(0);
  });

  it('that are still on their way when their runner is released come back, too', async () => {
    for (let round = 0; round < 2 * POOL_SIZE; round += 1) {
      const runner = await openRunner();
      const connecting = runner.connect();
      await runner.release();
      await connecting;
    }
    expect(balancing.busy).toBe(0);
    expect(await onReplica(() => manager.count(Label))).toBe(0);
  });

  it('are not taken for a query that fails when its runner is released already', async () => {
    for (let round = 0; round < 2 * POOL_SIZE; round += 1) {
      const runner = await openRunner();
      await runner.connect();
      const reading = runner.query('SELECT * FROM missing');
      await runner.release();
      await expect(reading).rejects.toMatchObject({ code: NO_SUCH_TABLE });
    }
    expect(balancing.busy).toBe(0);
  });

  it('a runner whose connection dies while it is idle takes another', async () => {
    const runner = await openRunner();
    const [{ pid }] = await runner.query(PID);
    const connection = (await runner.connect()) as EventEmitter;
    const isLost = new Promise<void>((resolve) => {
      for (const event of ['error', 'end']) connection.once(event, () => resolve());
    });
    link.resetConnections();
    await isLost;
    if (isPostgres) expect(runner.isReleased).toBe(true); // by TypeORM itself
    expect((await runner.query(PID))[0].pid).not.toBe(pid);
    await runner.release();
    expect(balancing.busy).toBe(0);
  });

  it('a query whose connection breaks is answered by another replica, alone or side by side', async () => {
    const runner = await openRunner();
    const slowly = (): Promise<unknown> => runner.query(SLOW_ONE);
    const answers = [slowly(), slowly()];
    await waitUntil(() => balancing.busy === 1);
    link.resetConnections();
    expect(await Promise.all(answers)).toEqual([[{ one: 1 }], [{ one: 1 }]]);
    await runner.release();
    expect(balancing.busy).toBe(0);
  });

  it.each([SET_MINE, 'BEGIN', SET_BY_SELECT])(
    'a session that the application has changed by %s is never exchanged for another',
    async (change) => {
      await onReplica(async () => {
        const runner = dataSource.createQueryRunner();
        await runner.query(change);
        const [{ pid }] = await runner.query(PID);
        await servers.replicas[0]?.control(endSession(pid));
        await expect(runner.query('SELECT 1')).rejects.toThrow();
        await runner.release();
      });
      expect(balancing.busy).toBe(0);
    },
  );

  it('a transaction begins elsewhere when its connection breaks at once, and fails when it breaks later', async () => {
    await onReplica(() => manager.count(Label));
    link.resetConnections();
    expect(await onReplica(() => manager.transaction((inner) => inner.count(Label)))).toBe(0);
    await allUsable();
    const broken = onReplica(() =>
      manager.transaction(async (inner) => {
        await inner.count(Label);
        link.resetConnections();
        await inner.count(Label);
      }),
    );
    await expect(broken).rejects.toThrow();
    expect(balancing.busy).toBe(0);
  });
});
