import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { forkOutsideJest, type OutsideJest } from '../outside-jest/fork-outside-jest.js';
import type { Report } from './frozen/main.js';

const TIMEOUT_MS = 60_000;
const MAIN = new URL('./frozen/main.ts', import.meta.url);

describe('a process that is frozen for many seconds', () => {
  let cluster: PostgresCluster;
  let site: OutsideJest;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    if (site?.child.connected) site.child.disconnect();
    await site?.ended;
  });

  it.each<[string, Partial<ReplicatedModuleOptions>]>([
    ['loses no node and fails no request', {}],
    [
      'neither does one that waits for connections, makes one for each query, and must not fall back',
      { poolSize: 2, extra: { maxUses: 1 }, routing: { primaryFallback: false } },
    ],
    [
      'nor one whose replicas must not lag for as long as that',
      { monitor: { maxLagMs: 1_000, hardMaxLagMs: 2_000 }, routing: { primaryFallback: false } },
    ],
  ])(
    '%s',
    async (_what, options) => {
      site = await forkOutsideJest(MAIN, [
        JSON.stringify({
          synchronize: true,
          primary: { url: cluster.primary.url },
          replicas: cluster.replicas.map(({ url }) => ({ url })),
          ...options,
          // So long that no busy machine is taken for a frozen process.
          monitor: { intervalMs: 1_000, timeoutMs: 1_000, connectTimeoutMs: 3_000, ...options.monitor },
        }),
      ]);
      for (let times = 0; times < 3; times += 1) {
        await pause(500);
        site.child.kill('SIGSTOP');
        await pause(4_500); // longer than anything that a server, or a wait, is given
        site.child.kill('SIGCONT');
      }
      site.child.send('report');
      const [report] = (await once(site.child, 'message')) as [Report];
      expect(report).toMatchObject({ failures: {}, lost: [] });
      expect(report.requests).toBeGreaterThan(200);
    },
    TIMEOUT_MS,
  );
});
