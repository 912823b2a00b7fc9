import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { openTcpProxy } from '../../src/testing/tcp-proxy.js';
import { SERVER_PORT, SLEEP, startCluster } from '../support/database.js';
import { FaultApp } from './fault-app.js';

const READS = 600;

describe('reads are shared out', () => {
  let cluster: PostgresCluster;
  let app: FaultApp | undefined;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 3 });
    await (await FaultApp.start({ synchronize: true, primary: { url: cluster.primary.url } })).close();
    await cluster.waitForReplication();
  });
  afterAll(() => cluster?.stop());
  afterEach(() => app?.close());

  const share = async (
    balancing: 'least-busy' | 'round-robin' | 'random',
    weights: readonly number[] = [1, 1, 1],
  ): Promise<readonly number[]> => {
    app = await FaultApp.start({
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }, index) => ({
        url,
        weight: weights[index] as number,
        poolSize: 5,
      })),
      routing: { balancing },
      // Nobody is to fall out, nor to be found slow, as one is that a busy machine lets wait: each probe judges that.
      monitor: { intervalMs: 30_000, timeoutMs: 1_000, maxLagMs: 50_000 },
    });
    await app.allServe();
    const before = app.cluster.stats().nodes;
    for (let sent = 0; sent < READS; sent += 10)
      await Promise.all(Array.from({ length: 10 }, () => (app as FaultApp).read('SELECT 1')));
    const { nodes } = app.cluster.stats();
    const counts = [1, 2, 3].map((n) => (nodes[`replica-${n}`] ?? 0) - (before[`replica-${n}`] ?? 0));
    process.stdout.write(
      `[figures] balancing ${balancing}, weights ${weights.join(':')}: ${counts.join(' / ')}\n`,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(READS);
    return counts;
  };

  it.each(['least-busy', 'round-robin', 'random'] as const)('evenly with %s', async (balancing) => {
    for (const count of await share(balancing)) expect(Math.abs(count - READS / 3)).toBeLessThan(READS * 0.1);
  });

  it.each(['least-busy', 'round-robin', 'random'] as const)('by weight with %s', async (balancing) => {
    const [one, two, four] = (await share(balancing, [1, 1, 4])) as [number, number, number];
    expect(four / (one + two)).toBeGreaterThan(1.4);
    expect(four / (one + two)).toBeLessThan(2.8);
    expect(Math.abs(one - two)).toBeLessThan(READS * 0.1);
  });

  it('less to a replica that answers probes fast and queries slowly, until it is well', async () => {
    const [slow, ...others] = cluster.replicas as [PostgresNode, ...PostgresNode[]];
    // Connections that have asked for rows: probes never do.
    const proxy = await openTcpProxy(slow, '127.0.0.1', (bytes) => bytes.includes('FROM note'));
    try {
      app = await FaultApp.start({
        synchronize: true,
        primary: { url: cluster.primary.url },
        replicas: [{ url: proxy.through(slow.url) }, ...others.map(({ url }) => ({ url }))],
        routing: { balancing: 'random' },
      });
      await app.allServe();
      const site = app;
      const shareOfSlow = async (): Promise<number> => {
        const before = site.cluster.stats().nodes['replica-1'] ?? 0;
        for (let sent = 0; sent < 300; sent += 10)
          await Promise.all(Array.from({ length: 10 }, () => site.read()));
        return ((site.cluster.stats().nodes['replica-1'] ?? 0) - before) / 300;
      };
      proxy.delay(25);
      await waitUntil(async () => (await shareOfSlow()) < 0.27, {
        timeoutMs: 20_000,
        message: 'half of its share',
      });
      expect(await shareOfSlow()).toBeGreaterThan(0.08);
      expect(site.stateOf('replica-1')).toBe('usable');
      proxy.resume();
      await waitUntil(async () => (await shareOfSlow()) > 0.27, {
        timeoutMs: 20_000,
        message: 'its whole share',
      });
    } finally {
      await app?.close();
      app = undefined;
      await proxy.close();
    }
  });

  it('by an own balancer', async () => {
    const last = { pick: <C>(candidates: readonly [C, ...C[]]): C => candidates.at(-1) as C };
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      routing: { balancing: last },
    });
    await app.allUsable();
    await waitUntil(async () => (await app?.readOn()) === 'replica-3');
    const readers = await Promise.all(Array.from({ length: 50 }, () => app?.readOn()));
    expect(new Set(readers)).toEqual(new Set(['replica-3']));
  });

  it('away from a replica that is slow', async () => {
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 1_000, timeoutMs: 1_000 },
    });
    await app.allServe();
    const slow = cluster.replicas[0]?.port;
    const sql = `SELECT CASE WHEN ${SERVER_PORT} = ${slow} THEN ${SLEEP}(0.3) END`;
    const counts: Record<string, number> = {};
    const caller = async (untilMs: number): Promise<void> => {
      while (performance.now() < untilMs) {
        const node = (await app?.readOn(sql)) ?? '';
        counts[node] = (counts[node] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: 6 }, () => caller(performance.now() + 1_500)));
    process.stdout.write(`[figures] balancing with a slow replica-1: ${JSON.stringify(counts)}\n`);
    expect(counts['replica-1']).toBeLessThan((counts['replica-2'] as number) / 3);
  });
});
