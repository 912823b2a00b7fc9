import type { Variant } from '../app/variant.js';
import type { VisitsJob, VisitsReport } from '../load/visits.js';
import { BenchServer } from '../measure/bench-server.js';
import type { Child } from '../measure/child.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { onEachEngine, type EngineName, type OfEngine } from '../measure/engines.js';
import { serversOf, startSeededEngine, type SeededNode } from '../measure/seeded-cluster.js';
import { orderOfRound } from '../measure/statistics.js';
import { USUAL_WRITE_SHARE, type Sizes } from '../sizes.js';

/** What clients of one variant saw at one lag. */
export interface LagResult extends OfEngine {
  readonly variant: Variant;
  readonly lagMs: number;
  readonly writeShare: number;
  readonly reads: number;
  readonly writes: number;
  readonly failed: number;
  readonly stale: number;
  readonly readsOnReplicas: number;
  readonly cookieBytes: number;
}

export function hasUsualWrites({ writeShare }: LagResult): boolean {
  return writeShare === USUAL_WRITE_SHARE;
}

const COMPARED: readonly Variant[] = ['typeorm-replication', 'eventual', 'session', 'time-pinning'];

/** Post, redirect, get: by many clients, while the replicas apply what the primary commits late. */
export function measureLag({ lag }: Sizes): Promise<readonly LagResult[]> {
  return onEachEngine((engine) => measureEngine(engine, lag));
}

async function measureEngine(
  engine: EngineName,
  lag: Sizes['lag'],
): Promise<readonly Omit<LagResult, 'engine'>[]> {
  const cluster = await startSeededEngine(engine, 2);
  const load = startLoadGenerator();
  const running = await Promise.all(
    COMPARED.map((variant) => BenchServer.start({ variant, platform: 'express', ...serversOf(cluster) })),
  );
  const replicas: readonly SeededNode[] = cluster.replicas;
  const replicaPorts = replicas.map(({ port }) => port);
  const results: Omit<LagResult, 'engine'>[] = [];
  try {
    let firstVersion = 0;
    for (const { lagMs, writeShare } of lag.cells) {
      await Promise.all(replicas.map((replica) => replica.setApplyDelay(lagMs)));
      const reports = new Map<BenchServer, VisitsReport[]>();
      for (let round = 0; round < lag.rounds; round++) {
        for (const server of orderOfRound(running, round)) {
          const { clients, perSecond, durationMs } = lag;
          const job = { clients, perSecond, durationMs, writeShare, firstVersion, replicaPorts };
          firstVersion += VERSIONS_PER_JOB;
          reports.set(server, [...(reports.get(server) ?? []), await visit(load, server, job)]);
        }
      }
      for (const [{ config }, some] of reports)
        results.push({ variant: config.variant, lagMs, writeShare, ...sum(some) });
    }
  } finally {
    await Promise.all([load.stop(), ...running.map((server) => server.stop())]);
    await cluster.stop();
  }
  return results;
}

const VERSIONS_PER_JOB = 1_000_000;

async function visit(load: Child, server: BenchServer, job: Omit<VisitsJob, 'port'>): Promise<VisitsReport> {
  const report = await load.ask<VisitsReport>('visit', { ...job, port: server.port });
  server.mustRun();
  return report;
}

function sum(
  reports: readonly VisitsReport[],
): Omit<LagResult, 'engine' | 'variant' | 'lagMs' | 'writeShare'> {
  const total = (key: keyof VisitsReport) => reports.reduce((all, report) => all + report[key], 0);
  return {
    reads: total('reads'),
    writes: total('writes'),
    failed: total('failed'),
    stale: total('stale'),
    readsOnReplicas: total('readsOnReplicas'),
    cookieBytes: total('cookieBytes') / reports.length,
  };
}
