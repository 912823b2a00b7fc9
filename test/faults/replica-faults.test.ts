import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  startPostgresCluster,
  type PostgresCluster,
  type PostgresNode,
  type TcpProxy,
} from 'nestjs-replicated/testing';
import { FaultApp, MACHINE_MS, QUICK_BOUND_MS } from './fault-app.js';
import { Load } from './load.js';
import { printFigures } from './print-figures.js';

interface Fault {
  readonly name: string;
  readonly strike: (node: PostgresNode, proxy: TcpProxy) => unknown;
  readonly mend: (node: PostgresNode, proxy: TcpProxy) => unknown;
  /** Whether connections die at once, so that nobody waits. */
  readonly isLoud: boolean;
}

const FAULTS: readonly Fault[] = [
  { name: 'killed', strike: (node) => node.kill(), mend: (node) => node.start(), isLoud: true },
  { name: 'stopped (fast)', strike: (node) => node.stop(), mend: (node) => node.start(), isLoud: true },
  {
    name: 'stopped (immediate)',
    strike: (node) => node.stop('immediate'),
    mend: (node) => node.start(),
    isLoud: true,
  },
  {
    name: 'partitioned with RST',
    strike: (_, proxy) => proxy.reset(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: true,
  },
  {
    name: 'frozen',
    strike: (node) => node.freeze(),
    mend: (node) => node.thaw(),
    isLoud: false,
  },
  {
    name: 'partitioned silently',
    strike: (_, proxy) => proxy.stall(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: false,
  },
  {
    name: 'blackholed',
    strike: (_, proxy) => proxy.blackhole(),
    mend: (_, proxy) => proxy.resume(),
    isLoud: false,
  },
];

describe('a replica fails under load', () => {
  let cluster: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
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
      const reads = new Load(() => app.read(`SELECT count(*), pg_sleep(0.01) FROM note`));
      const writes = new Load(() => app.write(), { callers: 2 });
      await reads.moreRequests(100);
      const ejected = app.timeUntil('replica-1', 'unreachable', 'misconfigured');
      await strike(node, proxy);
      const ejectMs = await ejected;
      await reads.moreRequests(100);
      await mend(node, proxy);
      const returnMs = await app.timeUntil('replica-1', 'usable');
      await reads.moreRequests(100);
      const report = await reads.stop();
      const { failures } = await writes.stop();
      printFigures(`replica ${name}`, {
        ...report,
        requests: report.requests,
        failures: report.failures,
        longestStallMs: report.longestStallMs,
        ejectMs,
        returnMs,
      });
      expect(report.failures).toEqual([]);
      expect(failures).toEqual([]);
      expect(report.longestStallMs).toBeLessThan((isLoud ? 0 : QUICK_BOUND_MS) + MACHINE_MS);
      if (!isLoud) expect(ejectMs).toBeLessThan(QUICK_BOUND_MS + MACHINE_MS);
    },
  );
});
