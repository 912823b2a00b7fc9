import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import { SLEEP, startCluster } from '../support/database.js';
import { FaultApp, MACHINE_MS, nodesBehind } from './fault-app.js';
import { printFigures } from './print-figures.js';

/** What keeps the process alive, by kind; without what the testing cluster holds. */
function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('the application closes', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    proxies = await Promise.all(cluster.nodes.map((node) => node.proxy()));
  });
  afterAll(() => cluster?.stop());

  const start = async (): Promise<FaultApp> => {
    const app = await FaultApp.start({ synchronize: true, ...nodesBehind(proxies, cluster) });
    await app.allServe();
    return app;
  };
  const closeTimed = async (app: FaultApp): Promise<number> => {
    const startedAtMs = performance.now();
    await app.close();
    return performance.now() - startedAtMs;
  };

  const connections = (): readonly number[] => proxies.map((proxy) => proxy.connections);

  it('and nothing is left: no connection, no timer', async () => {
    const before = resources();
    const app = await start();
    await Promise.all(Array.from({ length: 20 }, () => Promise.all([app.read(), app.write()])));
    const tookMs = await closeTimed(app);
    await waitUntil(() => connections().every((count) => count === 0));
    await waitUntil(() => (resources()['TCPSocketWrap'] ?? 0) <= (before['TCPSocketWrap'] ?? 0));
    // The reporter of the tests has a timer of its own now and then, for a tenth of a second.
    const timers = (): number => resources()['Timeout'] ?? 0;
    for (let times = 0; times < 50 && timers() > (before['Timeout'] ?? 0); times++) await pause(20);
    expect(timers()).toBeLessThanOrEqual(before['Timeout'] ?? 0);
    expect(tookMs).toBeLessThan(MACHINE_MS);
  });

  it('after what runs has finished', async () => {
    const app = await start();
    const slow = app.read(`SELECT ${SLEEP}(1), 1 AS one`);
    const writing = app.dataSource.transaction(async (manager) => {
      await manager.query(`INSERT INTO note (text) VALUES ('at the end')`);
      await manager.query(`SELECT ${SLEEP}(1)`);
    });
    await waitUntil(() => app.cluster.stats().nodes['primary']);
    await app.close();
    await expect(slow).resolves.toMatchObject([{ one: 1 }]);
    await expect(writing).resolves.toBeUndefined();
  });

  it.each([
    ['a replica that has just gone silent', [1]],
    ['a primary that has just gone silent', [0]],
    ['all nodes silent', [0, 1, 2]],
  ])('in bounded time with %s, idle', async (_, silent) => {
    const app = await start();
    for (const index of silent) proxies[index]?.blackhole();
    try {
      expect(await closeTimed(app)).toBeLessThan(3_000 + MACHINE_MS);
    } finally {
      for (const proxy of proxies) proxy.resume();
    }
  });

  it('in bounded time while queries hang', async () => {
    const app = await start();
    for (const proxy of proxies) proxy.blackhole();
    const hanging = Promise.allSettled([app.read(), app.read(), app.write()]);
    await app.timeUntil('primary', 'unreachable');
    const tookMs = await closeTimed(app);
    printFigures('closing while all nodes are silent', {
      requests: 3,
      failures: [],
      longestStallMs: tookMs,
    });
    for (const proxy of proxies) proxy.resume();
    expect(tookMs).toBeLessThan(3_000 + MACHINE_MS);
    expect(new Set((await hanging).map(({ status }) => status))).toEqual(new Set(['rejected']));
  });

  it('and as many connections and timers are left after 100 faults as before', async () => {
    const app = await start();
    const settle = async (): Promise<void> => {
      await app.allServe();
      await Promise.all(Array.from({ length: 30 }, () => Promise.all([app.read(), app.write()])));
    };
    await settle();
    const [connectionsBefore, before] = [connections(), resources()];
    for (let fault = 0; fault < 100; fault++) {
      const proxy = proxies[fault % 3] as TcpProxy;
      proxy.resetConnections();
      await Promise.allSettled([app.read(), app.read(), app.write()]);
    }
    await settle();
    process.stdout.write(
      `[figures] 100 faults: connections ${connectionsBefore.join('/')} before, ${connections().join('/')} after; timers ${before['Timeout'] ?? 0} and ${resources()['Timeout'] ?? 0}\n`,
    );
    for (const [index, count] of connections().entries())
      expect(count).toBeLessThanOrEqual((connectionsBefore[index] as number) + 1);
    await app.close();
    await waitUntil(() => connections().every((count) => count === 0));
  });
});
