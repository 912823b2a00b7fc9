import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { FaultApp } from '../faults/fault-app.js';
import { Load, messagesOf } from '../faults/load.js';
import { describeMariadb } from '../support/mariadb-server.js';

/** So that no probe notices what happens here. */
const RARELY = { intervalMs: 9_000, timeoutMs: 5_000 } as const;

describeMariadb('on MariaDB, where nothing happens for a while,', () => {
  let servers: MariadbCluster;
  let primary: MariadbNode;
  let a: MariadbNode;
  let app: FaultApp | undefined;

  beforeAll(async () => {
    servers = await startMariadbCluster({ replicas: 2 });
    primary = servers.primary;
    [a] = servers.replicas as [MariadbNode];
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(() => servers?.stop());

  const start = async (options: Partial<Parameters<typeof FaultApp.start>[0]> = {}): Promise<FaultApp> => {
    app = await FaultApp.start({
      type: 'mysql',
      synchronize: true,
      primary: { url: primary.url },
      replicas: servers.replicas.map(({ url }) => ({ url })),
      ...options,
    });
    await app.allServe();
    return app;
  };

  /** Which nodes answer so many reads. */
  const readers = async (running: FaultApp, reads = 20): Promise<readonly unknown[]> => {
    const nodes = new Set<unknown>();
    for (let number = 0; number < reads; number++) nodes.add(await running.readOn());
    return [...nodes].sort();
  };

  const HARD_MAX_LAG_MS = 3_000;

  it('a replica whose replication has stopped serves until something is written, however little lag it tells', async () => {
    const running = await start({
      monitor: { intervalMs: 200, timeoutMs: 200, maxLagMs: 1_000, hardMaxLagMs: HARD_MAX_LAG_MS },
    });
    await a.pauseStreaming();
    await pause(HARD_MAX_LAG_MS + 500);
    expect(await readers(running)).toEqual(['replica-1', 'replica-2']);
    const writes = new Load(() => primary.query(`INSERT INTO note (text) VALUES ('by another')`), {
      callers: 1,
    });
    try {
      await running.timeUntil('replica-1', 'lagging', 'stale');
      expect(await readers(running)).toEqual(['replica-2']);
      await running.timeUntil('replica-1', 'stale');
      const [status] = await a.query<{ running: string }>(`SELECT VARIABLE_VALUE AS running
        FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Slaves_running'`);
      expect(Number(status?.running)).toBe(1);
      await a.resumeStreaming();
      await running.timeUntil('replica-1', 'usable');
    } finally {
      await a.resumeStreaming();
      expect(messagesOf((await writes.stop()).failures)).toEqual({});
    }
    await waitUntil(async () => (await running.readOn()) === 'replica-1');
  });

  describe('sessions', () => {
    const allAtOnce = (running: FaultApp): Promise<unknown> =>
      Promise.all([
        ...Array.from({ length: 6 }, () => running.read('SELECT count(*), SLEEP(0.02) FROM note')),
        ...Array.from({ length: 3 }, () => running.write('in the morning')),
      ]);
    const sessions = async (): Promise<number> => {
      const counts = servers.nodes.map(async (node) => {
        const rows = await node.query("SELECT 1 FROM information_schema.processlist WHERE user = 'app'");
        return rows.length;
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    const limitIdleness = (seconds: number): Promise<unknown> =>
      Promise.all(servers.nodes.map((node) => node.query(`SET GLOBAL wait_timeout = ${seconds}`)));

    beforeEach(() => limitIdleness(1));
    afterEach(() => limitIdleness(28_800));

    it('that have ended over night are never lent: no read and no write fails', async () => {
      const running = await start({
        poolSize: 3,
        monitor: RARELY,
      } as never);
      await allAtOnce(running);
      await waitUntil(async () => (await sessions()) === 0);
      await allAtOnce(running);
    });

    it('of which no end was heard are not lent either', async () => {
      const proxies: TcpProxy[] = [];
      for (const node of servers.nodes) proxies.push((await node.proxy()) as TcpProxy);
      const [first, ...others] = servers.nodes.map((node, index) => ({
        url: (proxies[index] as TcpProxy).through(node.url),
      }));
      const running = await start({
        primary: first as { url: string },
        replicas: others,
        poolSize: 3,
        monitor: RARELY,
      } as never);
      await allAtOnce(running);
      for (const proxy of proxies) proxy.stall();
      await waitUntil(async () => (await sessions()) === 0);
      const asking = allAtOnce(running);
      for (const proxy of proxies) proxy.resume();
      await asking;
    });
  });

  it('connections that the network has forgotten cost a read no more than half the time to connect', async () => {
    const proxy = (await a.proxy()) as TcpProxy;
    const running = await start({
      replicas: [{ url: proxy.through(a.url), poolSize: 3 }] as never,
      routing: { primaryFallback: false },
      monitor: { ...RARELY, connectTimeoutMs: 1_000 },
    });
    const six = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 6 }, () => running.readOn('SELECT count(*), SLEEP(0.02) FROM note')));
    await six();
    await pause(2_500);
    proxy.blackhole();
    proxy.resume(); // for all other connections
    const startedAtMs = performance.now();
    expect(new Set((await six()) as string[])).toEqual(new Set(['replica-1']));
    expect(performance.now() - startedAtMs).toBeLessThan(1_000 + 500);
  });
});
