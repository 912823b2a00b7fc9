import type { VisitsReport } from '../load/visits.js';
import { BenchServer } from '../measure/bench-server.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { orderOfRound } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** What a read right behind its client's write gains by waiting. */
export interface WaitResult {
  readonly maxWaitMs: number;
  readonly reads: number;
  readonly readsOnReplicas: number;
  readonly stale: number;
  readonly failed: number;
}

/** Every visit posts a form and reads what it has written, by applications that differ in `consistency.maxWaitMs`. */
export async function measureWait({ wait }: Sizes): Promise<readonly WaitResult[]> {
  const cluster = await startSeededCluster(2);
  const load = startLoadGenerator();
  const servers = await Promise.all(
    wait.maxWaitMs.map(async (maxWaitMs) => {
      const config = { variant: 'session', platform: 'fastify', maxWaitMs, ...serversOf(cluster) } as const;
      return { server: await BenchServer.start(config), reports: [] as VisitsReport[], maxWaitMs };
    }),
  );
  const { clients, perSecond, durationMs } = wait;
  const replicaPorts = cluster.replicas.map(({ port }) => port);
  try {
    let firstVersion = 0;
    for (let round = 0; round < wait.rounds; round++) {
      for (const { server, reports } of orderOfRound(servers, round)) {
        const job = { clients, perSecond, durationMs, writeShare: 1, firstVersion, replicaPorts };
        firstVersion += VERSIONS_PER_JOB;
        reports.push(await load.ask<VisitsReport>('visit', { ...job, port: server.port }));
      }
    }
    return servers.map(({ maxWaitMs, reports }) => {
      const total = (key: 'reads' | 'readsOnReplicas' | 'stale' | 'failed') =>
        reports.reduce((sum, report) => sum + report[key], 0);
      return {
        maxWaitMs,
        reads: total('reads'),
        readsOnReplicas: total('readsOnReplicas'),
        stale: total('stale'),
        failed: total('failed'),
      };
    });
  } finally {
    await Promise.all([load.stop(), ...servers.map(({ server }) => server.stop())]);
    await cluster.stop();
  }
}

const VERSIONS_PER_JOB = 1_000_000;
