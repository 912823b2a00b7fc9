import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster, PostgresNode, TcpProxy } from 'nestjs-replicated/testing';
import { SLEEP, startCluster } from '../support/database.js';
import { FaultApp, MACHINE_MS, QUICK_BOUND_MS } from './fault-app.js';
import { FAULTS } from './fault-list.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

describe('a replica fails under load', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    proxies = await Promise.all(cluster.replicas.map((replica) => replica.proxy()));
    app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }, index) => ({
        url: (proxies[index] as TcpProxy).through(url),
      })),
    });
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });
  afterEach(() => app.allUsable());

  it.each(FAULTS)(
    '$name: no request fails, and it returns by itself',
    async ({ name, strike, mend, isLoud }) => {
      const [node, proxy] = [cluster.replicas[0] as PostgresNode, proxies[0] as TcpProxy];
      await app.allUsable();
      const reads = new Load(() => app.read(`SELECT count(*), ${SLEEP}(0.01) FROM note`));
      const writes = new Load(() => app.write(), { callers: 2 });
      await reads.moreRequests(100);
      const ejected = app.timeUntil('replica-1', 'unreachable', 'misconfigured');
      await strike(node, proxy);
      await reads.answersToThoseUnderWay(); // while the fault lasts
      const ejectMs = await ejected;
      await reads.moreRequests(100);
      await mend(node, proxy);
      const returnMs = await app.timeUntil('replica-1', 'usable');
      await reads.moreRequests(100);
      const report = await reads.stop();
      const { failures } = await writes.stop();
      printFigures(`replica ${name}`, { ...report, ejectMs, returnMs });
      expect(messagesOf(report.failures)).toEqual({});
      expect(messagesOf(failures)).toEqual({});
      expect(report.longestStallMs).toBeLessThan((isLoud ? 0 : QUICK_BOUND_MS) + MACHINE_MS);
      if (!isLoud) expect(ejectMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
    },
  );
});
