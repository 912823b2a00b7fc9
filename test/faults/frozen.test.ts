import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres, startCluster } from '../support/database.js';
import { forkOutsideJest, type OutsideJest } from '../outside-jest/fork-outside-jest.js';
import { nodesBehind } from './fault-app.js';
import type { Report } from './frozen/main.js';

const TIMEOUT_MS = 60_000;
const MAIN = new URL('./frozen/main.ts', import.meta.url);
/** Longer than anything that a server, or a wait, is given. */
const FROZEN_MS = 4_500;
const WELL: Report = { failures: {}, lost: [] };

describe('a process that is frozen for many seconds', () => {
  let cluster: PostgresCluster;
  let site: OutsideJest;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    if (site?.child.connected) site.child.disconnect();
    await site?.ended;
  });

  async function start(options: Partial<ReplicatedModuleOptions>, ...more: string[]): Promise<void> {
    const all = {
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      ...options,
      // So long that no busy machine is taken for a frozen process.
      monitor: { intervalMs: 1_000, timeoutMs: 1_000, connectTimeoutMs: 3_000, ...options.monitor },
    };
    site = await forkOutsideJest(MAIN, [JSON.stringify(all), ...more]);
  }

  async function ask(what: 'more' | 'report'): Promise<unknown> {
    site.child.send(what);
    const [told] = (await once(site.child, 'message')) as [unknown];
    return told;
  }

  async function freeze(): Promise<void> {
    site.child.kill('SIGSTOP');
    await pause(FROZEN_MS);
  }

  it.each<[string, Partial<ReplicatedModuleOptions>]>([
    ['loses no node and fails no request', {}],
    [
      'neither does one that waits for connections, makes one for each query, and must not fall back',
      { poolSize: 2, extra: isPostgres ? { maxUses: 1 } : {}, routing: { primaryFallback: false } },
    ],
    [
      'nor one whose replicas must not lag for as long as that',
      { monitor: { maxLagMs: 1_000, hardMaxLagMs: 2_000 }, routing: { primaryFallback: false } },
    ],
  ])(
    '%s',
    async (_what, options) => {
      await start(options);
      for (let times = 0; times < 3; times += 1) {
        await ask('more');
        await freeze();
        site.child.kill('SIGCONT');
      }
      await ask('more');
      expect(await ask('report')).toEqual(WELL);
    },
    TIMEOUT_MS,
  );

  it(
    'fails no read when its connections end meanwhile, nor when it is frozen again while it makes new ones',
    async () => {
      const proxies = await Promise.all(cluster.nodes.map((node) => node.proxy()));
      for (const proxy of proxies) proxy.delay(40);
      await start(
        {
          ...nodesBehind(proxies, cluster),
          routing: { primaryFallback: false },
          monitor: { intervalMs: 2_000, timeoutMs: 2_000 },
        },
        'no writes',
      );
      for (let times = 0; times < 2; times += 1) {
        await ask('more');
        await freeze();
        for (const proxy of proxies) proxy.resetConnections();
        site.child.kill('SIGCONT');
        await pause(250); // of the eight round trips, a few
        await freeze();
        site.child.kill('SIGCONT');
      }
      await ask('more');
      expect(await ask('report')).toEqual(WELL);
    },
    TIMEOUT_MS,
  );
});
