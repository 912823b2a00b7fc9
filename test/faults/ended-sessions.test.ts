import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode, type TcpProxy } from 'nestjs-replicated/testing';
import { COUNT, isPostgres, numbersTo, SESSIONS, SLEEP, sqlOf, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { FaultApp, nodesBehind } from './fault-app.js';

/** So short that sessions end while tests look on. */
const LIMIT_MS = 1_000; // long enough for a busy machine to use a session that it has just opened

/** What TypeORM says of a runner whose connection has died, and mysql2 of the connection. */
const DIED = sqlOf({ postgres: /already released/, mariadb: /closed state/ });

describe('sessions that a server ends, though it is well', () => {
  let cluster: PostgresCluster;
  let replica: PostgresNode;
  let proxies: readonly [primary: TcpProxy, replica: TcpProxy];
  let app: FaultApp;
  let told: unknown[] = [];

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 1 });
    [replica] = cluster.replicas as [PostgresNode];
    const schema = {
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url }],
    };
    await (await FaultApp.start(schema)).close(); // which may take its time between two statements
    await limitIdleness();
    proxies = [await cluster.primary.proxy(), await replica.proxy()];
    app = await FaultApp.start({
      ...nodesBehind(proxies, cluster),
      routing: { primaryFallback: false }, // the primary does not answer for the replica
      monitor: { intervalMs: 5_000, timeoutMs: 5_000 }, // links stand still here, and no probe is to notice
    });
    for (const event of ['replicaEjected', 'replicaDegraded', 'primaryLost'] as const)
      app.cluster.on(event, (payload) => told.push(payload));
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });
  beforeEach(() => app.allServe());
  afterEach(() => {
    for (const proxy of proxies) proxy.resume();
    const toldOf = told;
    told = [];
    expect(toldOf).toEqual([]);
  });

  const limitIdleness = async (): Promise<void> => {
    if (isPostgres)
      for (const limit of ['idle_session_timeout', 'idle_in_transaction_session_timeout'])
        await cluster.primary.query(`ALTER ROLE app SET ${limit} = ${LIMIT_MS}`);
    else
      for (const node of cluster.nodes) await node.control(`SET GLOBAL wait_timeout = ${LIMIT_MS / 1_000}`);
    await cluster.waitForReplication();
  };

  const proxyOf = (node: PostgresNode): TcpProxy => proxies[node === replica ? 1 : 0];

  /** Resolves when the server has ended all sessions of the application. */
  const allEnded = (node: PostgresNode): Promise<unknown> =>
    waitUntil(
      async () => {
        const [row] = await node.control<{ count: number }>(`SELECT ${COUNT} FROM ${SESSIONS}`);
        return row?.count === 0;
      },
      { message: `all sessions of ${node.name} to end` },
    );

  /** The same, and their pools have heard of it. */
  const allGone = async (node: PostgresNode): Promise<void> => {
    await allEnded(node);
    await waitUntil(() => proxyOf(node).connections === 0, { message: 'pools to hear of that' });
  };

  /** The server ends the sessions, and no pool hears of it before `ask` has sent what it asks. */
  const unheard = async <T>(node: PostgresNode, ask: () => Promise<T>): Promise<PromiseSettledResult<T>> => {
    const proxy = proxyOf(node);
    proxy.stall();
    await allEnded(node);
    const asked = Promise.allSettled([ask()]);
    await pause(50); // for the question to be on its way
    proxy.resume();
    return (await asked)[0] as PromiseSettledResult<T>;
  };

  const sixReads = (): Promise<readonly unknown[]> =>
    Promise.all(Array.from({ length: 6 }, () => app.readOn(`SELECT count(*), ${SLEEP}(0.05) FROM note`)));
  const repeated = (): number => app.cluster.stats().retries['session-ended'] ?? 0;
  const countOf = async (text: string): Promise<number | undefined> => {
    const [row] = await cluster.primary.query<{ count: number }>(
      `SELECT ${COUNT} FROM note WHERE text = '${text}'`,
    );
    return row?.count;
  };
  const SIX_FROM_REPLICA = Array.from({ length: 6 }, () => 'replica-1');

  it('while they are idle, fail no read', async () => {
    await sixReads();
    await allGone(replica);
    const before = repeated();
    expect(await sixReads()).toEqual(SIX_FROM_REPLICA);
    expect(repeated()).toBe(before);
  });

  it('in the moment in which they are asked, fail no read: it is sent again on another connection', async () => {
    await sixReads();
    const before = repeated();
    const answer = await unheard(replica, sixReads);
    expect(answer).toEqual({ status: 'fulfilled', value: SIX_FROM_REPLICA });
    // By MariaDB's `wait_timeout` it is known that the session has ended, before anything is sent on it.
    if (isPostgres) expect(repeated()).toBeGreaterThan(before);
    else expect(repeated()).toBe(before);
  });

  it('with all the others that lie in the pool, fail no read', async () => {
    await sixReads();
    const answer = await unheard(replica, () => app.readOn());
    expect(answer).toEqual({ status: 'fulfilled', value: 'replica-1' });
  });

  it('while a query runner keeps them, are replaced', async () => {
    await app.selector.run({ intent: 'replica' }, async () => {
      const runner = app.dataSource.createQueryRunner('slave');
      const one = (): Promise<unknown> => runner.query('SELECT 1 AS one');
      for (let times = 0; times < 3; times++) {
        await expect(one()).resolves.toEqual([{ one: 1 }]);
        await allGone(replica);
      }
      await one();
      // The second waits behind the first, and hears of nothing but the end of the connection.
      await expect(unheard(replica, () => Promise.all([one(), one()]))).resolves.toEqual({
        status: 'fulfilled',
        value: [[{ one: 1 }], [{ one: 1 }]],
      });
      await runner.release();
    });
  });

  it('before the first row of a stream, fail no stream', async () => {
    const rows = (): Promise<unknown> =>
      app.selector.run({ intent: 'replica' }, async () => {
        const runner = app.dataSource.createQueryRunner('slave');
        const found: unknown[] = [];
        for await (const row of await runner.stream(`SELECT n FROM ${numbersTo(3)}`)) found.push(row);
        await runner.release();
        return found;
      });
    const expected = [{ n: 1 }, { n: 2 }, { n: 3 }];
    await expect(rows()).resolves.toEqual(expected);
    await expect(unheard(replica, rows)).resolves.toEqual({
      status: 'fulfilled',
      value: expected,
    });
  });

  it('in a transaction that reads, fail that transaction only', async () => {
    const reads = app.selector.run({ intent: 'replica' }, () =>
      app.dataSource.transaction(async (manager) => {
        await manager.query('SELECT 1');
        await allGone(replica);
        await manager.query('SELECT 2');
      }),
    );
    await expect(reads).rejects.toThrow(DIED);
    expect(await app.readOn()).toBe('replica-1');
  });

  const itOnPostgres = isPostgres ? it : it.skip; // MariaDB ends the query, and the session goes on
  itOnPostgres('since a query takes too long, fail that query, which is not sent again', async () => {
    const [known] = await replica.query(`SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'`);
    if (!known) return; // before PostgreSQL 17
    const slow = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: [{ url: replica.url, extra: { options: `-c transaction_timeout=${LIMIT_MS}` } }],
      routing: { primaryFallback: false },
    });
    try {
      await slow.allServe();
      await expect(slow.read(`SELECT ${SLEEP}(5)`)).rejects.toMatchObject({ code: '25P04' });
      expect(slow.cluster.stats().retries).toEqual({});
      expect(slow.stateOf('replica-1')).toBe('usable');
      expect(await slow.readOn()).toBe('replica-1');
    } finally {
      await slow.close();
    }
  });

  it('between two probes, are no doubt about the server', async () => {
    const states = new Set<unknown>();
    const watching = setInterval(() => states.add(app.stateOf('replica-1')), 1);
    try {
      const probed = async (): Promise<void> => app.cluster.whenReplayed(await written());
      await probed();
      const asked = await unheard(replica, probed);
      expect(asked.status).toBe('fulfilled');
      expect([...states]).toEqual(['usable']);
    } finally {
      clearInterval(watching);
    }
  });

  /** The token of a write. */
  const written = (): Promise<string | undefined> =>
    app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text: 'x' });
      return app.selector.token();
    });

  it('while they are idle, fail no write', async () => {
    await app.write();
    await allGone(cluster.primary);
    await app.write();
  });

  it('in the moment in which they are asked to write, write once or not at all: nothing is sent twice', async () => {
    await app.write();
    const answer = await unheard(cluster.primary, () => app.write('unheard'));
    const refused = { status: 'rejected', reason: { code: '57P05' } };
    expect(answer).toMatchObject(sqlOf<object>({ postgres: refused, mariadb: { status: 'fulfilled' } }));
    expect(await countOf('unheard')).toBe(sqlOf({ postgres: 0, mariadb: 1 }));
    await app.write('heard');
    expect(await countOf('heard')).toBe(1);
  });

  it('in a transaction that writes, fail it, and nothing is written', async () => {
    const writes = app.selector.run({ intent: 'primary' }, () =>
      app.dataSource.transaction(async (manager) => {
        await manager.insert(Note, { text: 'half' });
        await allGone(cluster.primary);
        await manager.insert(Note, { text: 'half' });
      }),
    );
    await expect(writes).rejects.toThrow(DIED);
    expect(await countOf('half')).toBe(0);
    await app.write();
  });
});
