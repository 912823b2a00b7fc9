import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  startPostgresCluster,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
} from 'nestjs-replicated/testing';
import type { ReplicaOptions } from 'nestjs-replicated';
import { FaultApp, MACHINE_MS, QUICK } from './fault-app.js';
import { Load, messagesOf, type Failure } from './load.js';
import { printFigures } from './print-figures.js';

describe('an application starts although a replica', () => {
  let cluster: PostgresCluster;
  let foreign: PostgresCluster;
  let good: PostgresNode;
  let other: PostgresNode;
  let app: FaultApp | undefined;

  beforeAll(async () => {
    [cluster, foreign] = await Promise.all([
      startPostgresCluster({ replicas: 2, password: 'right' }),
      startPostgresCluster({ replicas: 1, password: 'right' }),
    ]);
    [good, other] = cluster.replicas as [PostgresNode, PostgresNode];
  });
  afterAll(() => Promise.all([cluster?.stop(), foreign?.stop()]));
  afterEach(async () => {
    if (other.state === 'frozen') other.thaw();
    if (other.state === 'stopped') await other.start();
    await app?.close();
    app = undefined;
  });

  const startWith = async (replica: ReplicaOptions): Promise<FaultApp> => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: good.url }, replica],
    });
    return app;
  };
  const readersOf = async (running: FaultApp): Promise<ReadonlySet<string | undefined>> => {
    await running.timeUntil('replica-1', 'usable');
    await waitUntil(async () => (await running.readOn()) === 'replica-1');
    return new Set(await Promise.all(Array.from({ length: 20 }, () => running.readOn())));
  };

  it('is down, and uses it when it is up', async () => {
    await other.stop();
    const running = await startWith({ url: other.url });
    expect(running.stateOf('replica-2')).toBe('unreachable');
    expect(await readersOf(running)).toEqual(new Set(['replica-1']));
    await other.start();
    await running.timeUntil('replica-2', 'usable');
    await running.allServe();
  });

  it('never answers, without waiting for it longer than a probe may take', async () => {
    await other.freeze();
    const startedAtMs = performance.now();
    const running = await startWith({ url: other.url });
    expect(performance.now() - startedAtMs).toBeLessThan(2 * QUICK.timeoutMs + MACHINE_MS);
    expect(await readersOf(running)).toEqual(new Set(['replica-1']));
    other.thaw();
    await running.allServe();
  });

  const changed = (url: string, change: (url: URL) => void): string => {
    const copy = new URL(url);
    change(copy);
    return copy.href;
  };

  it.each<[string, () => string, RegExp]>([
    ['has another password', () => changed(other.url, (url) => (url.password = 'wrong')), /password/],
    ['has no such database', () => changed(other.url, (url) => (url.pathname = '/nowhere')), /nowhere/],
    [
      'belongs to another cluster',
      () => (foreign.replicas[0] as PostgresNode).url,
      /another database cluster/,
    ],
    ['is the primary of another cluster', () => foreign.primary.url, /another database cluster/],
  ])('%s: it is misconfigured, and is not used', async (_, urlOf, detail) => {
    const running = await startWith({ url: urlOf() });
    const found = running.cluster.nodes.find(({ name }) => name === 'replica-2');
    expect(found).toMatchObject({ state: 'misconfigured', detail: expect.stringMatching(detail) });
    expect(await readersOf(running)).toEqual(new Set(['replica-1']));
  });

  it('is the primary itself by another name', async () => {
    const url = changed(cluster.primary.url, (address) => (address.hostname = 'localhost'));
    const running = await startWith({ url });
    expect(running.stateOf('replica-2')).toBe('is-primary');
    expect(await readersOf(running)).toEqual(new Set(['replica-1']));
  });

  it('a password that becomes right is noticed', async () => {
    let password = 'wrong';
    const { hostname, port, username, pathname } = new URL(other.url);
    const running = await startWith({
      host: hostname,
      port: Number(port),
      username,
      password: () => password,
      database: pathname.slice(1),
    } as ReplicaOptions);
    expect(running.stateOf('replica-2')).toBe('misconfigured');
    password = 'right';
    await running.timeUntil('replica-2', 'usable');
  });

  it('gives it no new connection later, for a reason of its own: reads go elsewhere', async () => {
    const { hostname, port, username, pathname } = new URL(other.url);
    let isSealed = false;
    const password = (): string => {
      if (isSealed) throw new Error('the vault is sealed');
      return 'right';
    };
    const at = { host: hostname, port: Number(port), username, database: pathname.slice(1), password };
    const running = await startWith(at as ReplicaOptions);
    await running.allUsable();
    isSealed = true;
    const reads = Array.from({ length: 12 }, () => running.readOn('SELECT pg_sleep(0.1)'));
    expect(new Set(await Promise.all(reads))).toContain('replica-1');
    expect(running.cluster.stats().retries['query']).toBeGreaterThan(0);
  });
});

describe('a replica that is alive', () => {
  let cluster: PostgresCluster;
  let app: FaultApp;
  let first: PostgresNode;

  beforeAll(async () => {
    cluster = await startPostgresCluster({
      replicas: 2,
      settings: { max_standby_streaming_delay: 50, hot_standby_feedback: false },
    });
    [first] = cluster.replicas as [PostgresNode];
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url, poolSize: 2 })),
      routing: { primaryFallback: { maxConcurrent: 8 } },
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  it('has all its connections in use: reads go elsewhere, and it is not taken for dead', async () => {
    const ejections: unknown[] = [];
    app.cluster.on('replicaEjected', (event) => ejections.push(event));
    const reads = new Load(() => app.read('SELECT pg_sleep(0.4)'), { callers: 14 });
    await reads.moreRequests(60);
    const report = await reads.stop();
    printFigures('pools of both replicas exhausted', report);
    expect(messagesOf(report.failures)).toEqual({});
    expect(ejections).toEqual([]);
  });

  it('has no connection left for anybody (53300): reads go elsewhere, and it is not taken for dead', async () => {
    const limited = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: first.url, poolSize: 8 }],
    });
    await cluster.primary.query('ALTER ROLE app CONNECTION LIMIT 24');
    await cluster.waitForReplication();
    const occupants = await occupy(first.url);
    try {
      await limited.allServe();
      const reads = new Load(() => limited.read('SELECT pg_sleep(0.05)'), { callers: 4 });
      await reads.moreRequests(60);
      const report = await reads.stop();
      expect(messagesOf(report.failures)).toEqual({});
      expect(limited.cluster.stats().retries['overload']).toBeGreaterThan(0);
      expect(limited.stateOf('replica-1')).toBe('usable');
    } finally {
      await Promise.all(occupants.map((client) => client.end()));
      await cluster.primary.query('ALTER ROLE app CONNECTION LIMIT -1');
      await cluster.waitForReplication();
      await limited.close();
    }
  });

  it('has no connection left for its monitor: it is used until it may be behind by more than any may be', async () => {
    await cluster.primary.query('CREATE ROLE reader LOGIN IN ROLE pg_read_all_data');
    await cluster.waitForReplication();
    const proxy = await first.proxy();
    const url = new URL(proxy.through(first.url));
    url.username = 'reader';
    const limited = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: [{ url: url.href, poolSize: 1 }],
      monitor: { maxLagMs: 400, hardMaxLagMs: 1_000 },
    });
    try {
      await limited.allServe();
      await cluster.primary.query('ALTER ROLE reader CONNECTION LIMIT 0');
      await cluster.waitForReplication();
      await first.pauseReplay();
      await limited.write();
      const underWay = limited.readOn('SELECT pg_sleep(1)'); // keeps the pool's connection
      await waitUntil(async () => {
        const [row] = await first.query(
          `SELECT 1 FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE '%pg_sleep%' AND state = 'active'`,
        );
        return row;
      });
      proxy.stall();
      await limited.timeUntil('replica-1', 'suspect');
      proxy.resume();
      expect(await underWay).toBe('replica-1');
      await waitUntil(async () => (await limited.readOn()) === 'primary');
      expect(limited.stateOf('replica-1')).toBe('suspect');
      expect(limited.cluster.stats().retries).toEqual({}); // its pool has kept what it has
    } finally {
      await first.resumeReplay();
      await cluster.primary.query('ALTER ROLE reader CONNECTION LIMIT -1');
      await limited.allServe();
      await limited.close();
    }
  });

  /** Takes every connection that is left. */
  const occupy = async (url: string): Promise<readonly pg.Client[]> => {
    const clients: pg.Client[] = [];
    for (;;) {
      const client = new pg.Client({ connectionString: url });
      try {
        await client.connect();
        clients.push(client);
      } catch (error) {
        if ((error as { code?: unknown }).code === '53300') return clients;
        throw error;
      }
    }
  };

  it('cancels a long read because of a conflict with recovery: it is repeated, and no caller hears of it', async () => {
    await app.allServe();
    const { dataSource, cluster: nodes } = app;
    await dataSource.query('CREATE TABLE victim AS SELECT generate_series(1, 1000) AS n');
    await cluster.waitForReplication();
    const before = nodes.stats().retries['recovery-conflict'] ?? 0;
    // Its snapshot needs the rows that the primary removes.
    const reads = Array.from({ length: 6 }, () => app.read('SELECT count(*), pg_sleep(1) FROM victim'));
    const outcomes = Promise.allSettled(reads);
    await waitUntil(async () => {
      const rows = await first.query(
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%FROM victim' AND state = 'active'`,
      );
      return rows.length > 0;
    });
    await dataSource.query('DELETE FROM victim WHERE n > 10');
    await cluster.primary.query('VACUUM victim');
    const failed = (await outcomes).flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason] : [],
    );
    expect(failed).toEqual([]);
    expect(nodes.stats().retries['recovery-conflict'] ?? 0).toBeGreaterThan(before);
    expect(app.stateOf('replica-1')).toBe('usable');
  });

  it('ends a transaction that reads, and idles while recovery waits for it: it fails, and its connection is not used again', async () => {
    await app.allServe();
    await app.dataSource.query('CREATE TABLE locked AS SELECT 1 AS n');
    await cluster.waitForReplication();
    const ejected: unknown[] = [];
    const end = app.cluster.on('replicaEjected', (event) => ejected.push(event));
    const reads = app.selector.run({ intent: 'replica' }, () =>
      app.dataSource.transaction(async (manager) => {
        await manager.query('SELECT n FROM locked');
        await cluster.primary.query('DROP TABLE locked'); // cannot be replayed while the transaction has its lock
        await cluster.waitForReplication();
        await manager.query('SELECT 1');
      }),
    );
    await expect(reads).rejects.toThrow(/already released|conflict with recovery/);
    expect(messagesOf(await readsOf(200))).toEqual({});
    expect(ejected).toEqual([]);
    end();
  });

  const readsOf = async (count: number): Promise<readonly Failure[]> => {
    const reads = new Load(() => app.read());
    await reads.moreRequests(count);
    return (await reads.stop()).failures;
  };

  it('is asked of a database that does not exist: that is the query’s own', async () => {
    await app.allServe();
    await expect(app.read(`SELECT pg_database_size('nope')`)).rejects.toMatchObject({ code: '3D000' });
    expect(app.cluster.nodes.map(({ state }) => state)).toEqual(['usable', 'usable', 'usable']);
  });

  it('says in another language that a read conflicts with recovery: it is repeated all the same', async () => {
    await app.allServe();
    await app.dataSource.query(`CREATE FUNCTION conflict() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
      IF pg_is_in_recovery() THEN RAISE EXCEPTION 'Konflikt mit der Wiederherstellung' USING ERRCODE = '40001'; END IF;
      RETURN 1; END $$`);
    await cluster.waitForReplication();
    await expect(app.readOn('SELECT conflict()')).resolves.toBe('primary');
  });
});
