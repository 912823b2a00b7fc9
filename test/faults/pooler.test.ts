import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  startPostgresCluster,
  startTcpProxy,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { PrimaryUnavailableError } from 'nestjs-replicated';
import { hasPgBouncer, startPgBouncer, type PgBouncer } from '../consistency/pg-bouncer.js';
import { Note } from '../support/note.js';
import { FaultApp, MACHINE_MS, QUICK_BOUND_MS } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

const when = hasPgBouncer ? describe : describe.skip;
if (!hasPgBouncer) console.log('PgBouncer is not installed: the faults behind it are not tested.');

when('behind PgBouncer in transaction mode', () => {
  let cluster: PostgresCluster;
  let bouncer: PgBouncer;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    const [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
    bouncer = await startPgBouncer({ writer: [cluster.primary], first: [first], second: [second] });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: bouncer.url('writer') },
      replicas: ['first', 'second'].map((name) => ({ url: bouncer.url(name), endpoint: 'server' as const })),
    });
  });
  afterAll(async () => {
    await app?.close();
    await bouncer?.stop();
    await cluster?.stop();
  });
  afterEach(() => app.allUsable());

  it.each<[string, (node: PostgresNode) => unknown, (node: PostgresNode) => unknown]>([
    ['killed', (node) => node.kill(), (node) => node.start()],
    ['frozen', (node) => node.freeze(), (node) => node.thaw()],
  ])('a replica %s fails no read, and it returns by itself', async (name, strike, mend) => {
    const [node] = cluster.replicas as [PostgresNode];
    await app.allServe();
    const reads = new Load(() => app.read('SELECT count(*), pg_sleep(0.01) FROM note'));
    await reads.moreRequests(100);
    const ejected = app.timeUntil('replica-1', 'unreachable');
    await strike(node);
    await reads.answersToThoseUnderWay(); // while the fault lasts
    const ejectMs = await ejected;
    await reads.moreRequests(50);
    await mend(node);
    const returnMs = await app.timeUntil('replica-1', 'usable');
    const report = await reads.stop();
    printFigures(`replica behind PgBouncer ${name}`, { ...report, ejectMs, returnMs });
    expect(messagesOf(report.failures)).toEqual({});
    expect(report.longestStallMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
  });

  it('the primary killed fails no read, and writes fail fast and work again without restart', async () => {
    await app.allServe();
    const reads = new Load(() => app.read());
    await reads.moreRequests(50);
    await cluster.primary.kill();
    await app.timeUntil('primary', 'unreachable');
    await expect(app.write()).rejects.toThrow(PrimaryUnavailableError);
    await reads.moreRequests(50);
    await cluster.primary.start();
    await app.timeUntil('primary', 'usable');
    await app.write();
    expect(messagesOf((await reads.stop()).failures)).toEqual({});
  });
});

when('a connection to PgBouncer that outlives a failover', () => {
  let cluster: PostgresCluster;
  let proxy: TcpProxy;
  let bouncer: PgBouncer;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    proxy = await startTcpProxy(cluster.primary);
    bouncer = await startPgBouncer({ writer: [{ host: '127.0.0.1', port: proxy.port }] });
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: bouncer.url('writer'), extra: { max: 1 } },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      // Nobody tells the application in time to give its connection up.
      monitor: { intervalMs: 10_000 },
    });
  });
  afterAll(async () => {
    await app?.close();
    await bouncer?.stop();
    await proxy?.close();
    await cluster?.stop();
  });

  it('tells the timeline of the primary that each write reached', async () => {
    const [standby] = cluster.replicas as [PostgresNode];
    expect([await timelineOfWrite(app), await timelineOfWrite(app)]).toEqual([1, 1]);
    await cluster.waitForReplication();
    await cluster.primary.kill();
    await standby.promote();
    proxy.retarget(standby);
    await waitUntil(() => isWritable(bouncer.url('writer')), {
      message: 'PgBouncer to reach the new primary',
    });
    expect([await timelineOfWrite(app), await timelineOfWrite(app)]).toEqual([2, 2]);
  });
});

when('a pooler that is full', () => {
  let cluster: PostgresCluster;
  let app: FaultApp | undefined;
  let poolers: readonly PgBouncer[] = [];
  let others: readonly pg.Client[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    await Promise.all(others.map((client) => client.end()));
    await app?.close();
    await Promise.all(poolers.map((pooler) => pooler.stop()));
    [app, poolers, others] = [undefined, [], []];
  });

  /** Each replica behind a pooler of its own; the primary without one. */
  const start = async (
    settings: Readonly<Record<string, number>>,
    monitor: Readonly<Record<string, number>> = {},
  ): Promise<FaultApp> => {
    poolers = await Promise.all(
      cluster.replicas.map((replica) => startPgBouncer({ replica: [replica] }, settings)),
    );
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: poolers.map((pooler) => ({ url: pooler.url('replica'), endpoint: 'server' as const })),
      monitor,
    });
    await app.allServe();
    return app;
  };

  /** Other applications take what clients each pooler lets in, and hold a server's connection each. */
  const takeAll = async (clients: number): Promise<void> => {
    const urls = poolers.flatMap((pooler) => Array.from({ length: clients }, () => pooler.url('replica')));
    others = await Promise.all(urls.map(openTransaction));
  };

  const ejectedOf = ({ cluster: nodes }: FaultApp): readonly unknown[] => {
    const ejected: unknown[] = [];
    nodes.on('replicaEjected', (event) => ejected.push(event));
    return ejected;
  };

  it('is not taken for dead by requests that it refuses: they go on elsewhere', async () => {
    const limited = await start({ max_client_conn: 4 });
    const ejected = ejectedOf(limited);
    const reads = new Load(() => limited.read('SELECT count(*), pg_sleep(0.02) FROM note'), { callers: 14 });
    await reads.moreRequests(1_000);
    const report = await reads.stop();
    const { nodes, retries } = limited.cluster.stats();
    printFigures('poolers with room for 4 clients, and 14 callers', report);
    process.stdout.write(
      `[figures] ... by node ${JSON.stringify(nodes)}, retries ${JSON.stringify(retries)}\n`,
    );
    expect(messagesOf(report.failures)).toEqual({});
    expect(ejected).toEqual([]);
    expect(Object.keys(retries)).toEqual(['overload']);
  });

  it('nor by queries that have waited too long for a server there', async () => {
    const full = await start(
      { default_pool_size: 2, query_wait_timeout: 1 },
      { intervalMs: 4_000, timeoutMs: 4_000, connectTimeoutMs: 4_000 }, // a probe waits as well
    );
    const ejected = ejectedOf(full);
    await takeAll(2);
    await expect(full.readOn()).resolves.toBe('primary');
    expect(full.cluster.stats().retries).toEqual({ overload: 2 });
    expect(ejected).toEqual([]);
    await Promise.all(others.map((client) => client.query('COMMIT')));
    await full.allServe();
  });

  it('nor by probes that it refuses, and is seen again when it has room', async () => {
    const full = await start(
      { max_client_conn: 4, default_pool_size: 4, client_idle_timeout: 1 }, // so that each probe connects
      { intervalMs: 1_500, timeoutMs: 1_500, connectTimeoutMs: 1_500 },
    );
    const ejected = ejectedOf(full);
    const seen = () => full.cluster.nodes.slice(1).map(({ seenAtMs }) => seenAtMs ?? 0);
    await takeAll(4);
    const before = seen();
    const refusals = () => Promise.all(poolers.map((pooler) => pooler.refusals()));
    const enough = (await refusals()).map((count) => count + 3);
    await waitUntil(
      async () => (await refusals()).every((count, index) => count >= (enough[index] as number)),
      {
        message: 'three probes of each replica to be refused',
      },
    );
    expect(seen()).toEqual(before);
    expect(full.cluster.nodes.map(({ state }) => state)).toEqual(['usable', 'usable', 'usable']);
    await expect(full.readOn()).resolves.toBe('primary');
    await Promise.all(others.map((client) => client.end()));
    others = [];
    await waitUntil(() => seen().every((atMs, index) => atMs > (before[index] as number)));
    await full.allServe();
    expect(ejected).toEqual([]);
  });

  it('nor is the primary: a write that it refuses fails, and the next one is written', async () => {
    const pooler = await startPgBouncer({ primary: [cluster.primary] }, { max_client_conn: 4 });
    poolers = [pooler];
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: pooler.url('primary'), endpoint: 'server' as const },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
    });
    const limited = app;
    await limited.allServe();
    const lost: unknown[] = [];
    limited.cluster.on('primaryLost', (event) => lost.push(event));
    await Promise.allSettled(
      Array.from({ length: 14 }, () =>
        limited.dataSource.query("INSERT INTO note (text) SELECT 'x' FROM pg_sleep(0.3)"),
      ),
    );
    expect(await pooler.refusals()).toBeGreaterThan(0);
    await limited.write();
    expect(lost).toEqual([]);
  });
});

/** Of another application, which tries until it is let in. */
async function openTransaction(connectionString: string): Promise<pg.Client> {
  let client: pg.Client | undefined;
  await waitUntil(
    async () => {
      const attempt = new pg.Client({ connectionString });
      attempt.on('error', () => undefined);
      await attempt.connect();
      await attempt.query('BEGIN');
      client = attempt;
      return true;
    },
    { timeoutMs: 10_000, message: 'the pooler to let another client in' },
  );
  return client as pg.Client;
}

/** Of the token that a write leaves. */
async function timelineOfWrite({ selector, dataSource }: FaultApp): Promise<number> {
  const token = await selector.run({ intent: 'primary' }, async () => {
    await dataSource.getRepository(Note).insert({ text: 'x' });
    return selector.token();
  });
  return Buffer.from(token ?? '', 'base64url').readUInt32BE(TIMELINE_AT);
}

/** In an envelope: behind version, key, time, kind and cluster. */
const TIMELINE_AT = 1 + 4 + 6 + 1 + 8;

async function isWritable(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ is_standby: boolean }>('SELECT pg_is_in_recovery() AS is_standby');
    return rows[0]?.is_standby === false;
  } finally {
    await client.end();
  }
}
