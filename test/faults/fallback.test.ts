import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import { COUNT, SESSIONS, SLEEP, startCluster } from '../support/database.js';
import {
  NoReplicaAvailableError,
  PrimaryUnavailableError,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { FaultApp, MACHINE_MS, QUICK, QUICK_BOUND_MS } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

describe('no replica can serve', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp | undefined;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    proxies = await Promise.all(cluster.replicas.map((replica) => replica.proxy()));
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    for (const proxy of proxies) proxy.resume();
    for (const replica of cluster.replicas) await replica.resumeReplay();
    if (cluster.primary.state === 'stopped') await cluster.primary.start();
    await app?.close();
    app = undefined;
  });

  const start = async (options: Partial<ReplicatedModuleOptions> = {}): Promise<FaultApp> => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url, poolSize: 4 },
      replicas: cluster.replicas.map(({ url }, index) => ({
        url: (proxies[index] as TcpProxy).through(url),
      })),
      ...options,
    } as ReplicatedModuleOptions);
    await app.allServe();
    return app;
  };
  const loseReplicas = async (lossy: FaultApp): Promise<void> => {
    for (const proxy of proxies) proxy.reset();
    await Promise.all([1, 2].map((n) => lossy.timeUntil(`replica-${n}`, 'unreachable')));
  };

  it('both at once: the primary serves every read, and writes go on', async () => {
    const lossy = await start();
    const reads = new Load(() => lossy.read());
    const writes = new Load(() => lossy.write(), { callers: 2 });
    await reads.moreRequests(100);
    for (const proxy of proxies) proxy.blackhole();
    await reads.answersToThoseUnderWay(); // while the fault lasts
    const ejectMs = await lossy.timeUntil('replica-1', 'unreachable');
    await reads.moreRequests(100);
    for (const proxy of proxies) proxy.resume();
    const returnMs = await lossy.timeUntil('replica-1', 'usable');
    const report = await reads.stop();
    const written = await writes.stop();
    printFigures('both replicas blackholed, reads', { ...report, ejectMs, returnMs });
    printFigures('both replicas blackholed, writes', written);
    expect(messagesOf(report.failures)).toEqual({});
    expect(messagesOf(written.failures)).toEqual({});
    expect(report.longestStallMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
    expect(written.longestStallMs).toBeLessThan(MACHINE_MS);
  });

  it('reads take no more of the primary than maxConcurrent, then fail in bounded time; writes keep their connections', async () => {
    const lossy = await start({ routing: { primaryFallback: { maxConcurrent: 2 } } });
    await loseReplicas(lossy);
    const slow = Array.from({ length: 6 }, () => lossy.read(`SELECT ${SLEEP}(3)`));
    const outcomes = Promise.allSettled(slow);
    await waitUntil(async () => (await running(SLEEP)) >= 2);
    const most = new Set<number>();
    const startedAtMs = performance.now();
    for (let times = 0; times < 5; times++) {
      await lossy.write('while reads wait');
      most.add(await running(SLEEP));
    }
    expect(performance.now() - startedAtMs).toBeLessThan(MACHINE_MS);
    expect([...most]).toEqual([2]);
    const errors = (await outcomes).flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as Error] : [],
    );
    expect(errors).toHaveLength(4);
    expect(errors.filter((error) => !(error instanceof NoReplicaAvailableError))).toEqual([]);
    expect(performance.now() - startedAtMs).toBeLessThan(QUICK.connectTimeoutMs + 3_000 + MACHINE_MS);
    await expect(lossy.read()).resolves.toBeDefined();
  });

  const running = async (what: string): Promise<number> => {
    const [row] = await cluster.primary.query<{ count: number }>(
      `SELECT ${COUNT} FROM ${SESSIONS} WHERE is_active AND text LIKE '%${what}%'`,
    );
    return row?.count ?? -1;
  };

  it('with primaryFallback: false reads fail at once, and the primary gets none', async () => {
    const lossy = await start({ routing: { primaryFallback: false } });
    await loseReplicas(lossy);
    const before = lossy.cluster.stats().nodes['primary'] ?? 0;
    const startedAtMs = performance.now();
    await expect(lossy.read()).rejects.toThrow(NoReplicaAvailableError);
    expect(performance.now() - startedAtMs).toBeLessThan(MACHINE_MS);
    expect(lossy.cluster.stats().nodes['primary'] ?? 0).toBe(before);
  });

  it('with primaryFallback: false a read that a dying replica fails is a 503 as well', async () => {
    const lossy = await start({ routing: { primaryFallback: false } });
    const reads = Array.from({ length: 4 }, () => lossy.read(`SELECT ${SLEEP}(5)`));
    const outcomes = Promise.allSettled(reads);
    await waitUntil(() => proxies.some(({ connections }) => connections > 2));
    for (const proxy of proxies) proxy.reset();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(NoReplicaAvailableError) });
  });

  it('and the primary neither: a 503, at once', async () => {
    const lossy = await start();
    await loseReplicas(lossy);
    await cluster.primary.kill();
    await lossy.timeUntil('primary', 'unreachable');
    await expect(lossy.read()).rejects.toThrow(PrimaryUnavailableError);
    for (const proxy of proxies) proxy.resume();
    await lossy.timeUntil('replica-1', 'usable');
    await expect(lossy.read()).resolves.toBeDefined();
  });

  describe('with the client’s token, while the primary is down', () => {
    const strand = async (lossy: FaultApp): Promise<string | undefined> => {
      for (const replica of cluster.replicas) await replica.pauseReplay();
      const token = await lossy.selector.run({ intent: 'primary' }, async () => {
        await lossy.dataSource.query(`INSERT INTO note (text) VALUES ('unseen')`);
        return lossy.selector.token();
      });
      await cluster.primary.kill();
      await lossy.timeUntil('primary', 'unreachable');
      return token;
    };
    const readWith = (lossy: FaultApp, token: string | undefined): Promise<unknown> =>
      lossy.selector.run({ intent: 'replica', token }, () => lossy.dataSource.query('SELECT 1 AS one'));

    it('is a 503 by default, while others read', async () => {
      const lossy = await start();
      const token = await strand(lossy);
      await expect(readWith(lossy, token)).rejects.toThrow(PrimaryUnavailableError);
      await expect(lossy.read()).resolves.toBeDefined();
    });

    it("gets older data with whenPrimaryDown: 'stale'", async () => {
      const lossy = await start({ cluster: { whenPrimaryDown: 'stale' } });
      const token = await strand(lossy);
      await expect(readWith(lossy, token)).resolves.toEqual([{ one: 1 }]);
    });
  });

  it('lag alone does not send everybody to the primary: up to hardMaxLagMs the least lagging replica serves', async () => {
    const lossy = await start({ monitor: { maxLagMs: 300, hardMaxLagMs: 60_000 } });
    for (const replica of cluster.replicas) await replica.pauseReplay();
    await lossy.write();
    await Promise.all([1, 2].map((n) => lossy.timeUntil(`replica-${n}`, 'lagging')));
    expect(await lossy.readOn()).toMatch(/^replica-/);
  });

  it('beyond hardMaxLagMs the primary serves', async () => {
    const lossy = await start({ monitor: { maxLagMs: 300, hardMaxLagMs: 500 } });
    for (const replica of cluster.replicas) await replica.pauseReplay();
    await lossy.write();
    await Promise.all([1, 2].map((n) => lossy.timeUntil(`replica-${n}`, 'stale')));
    expect(await lossy.readOn()).toBe('primary');
  });
});
