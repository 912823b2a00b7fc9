import type { PostgresCluster } from 'nestjs-replicated/testing';
import type { Variant } from '../app/variant.js';
import type { VisitsJob, VisitsReport } from '../load/visits.js';
import { BenchServer } from '../measure/bench-server.js';
import { CapacityProxy, type Capacity } from '../measure/capacity-proxy.js';
import type { Child } from '../measure/child.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { startSeededCluster } from '../measure/seeded-cluster.js';
import { median } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** The throughput of one application over so many replicas. */
export interface ScalingResult {
  readonly variant: Variant;
  readonly replicas: number;
  readonly writeShare: number;
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
  readonly failed: number;
  readonly stale: number;
  /** What the nodes' capacity allows when every read goes to a replica and nothing else is asked. */
  readonly idealReadsPerSecond: number;
}

/** Slow servers, so that they and not the machine are the limit. */
export const CAPACITY: Capacity = { slots: 2, serviceMs: 20 };
const COMPARED: readonly Variant[] = ['typeorm-replication', 'session'];
/** Queries of one write: an autocommit UPDATE. What a variant asks besides is its own cost, not the ideal's. */
const QUERIES_PER_WRITE = 1;

/** Reads per second, with clients who always have the next request ready. */
export async function measureScaling({ scaling }: Sizes): Promise<readonly ScalingResult[]> {
  const cluster = await startSeededCluster(Math.max(...scaling.replicas));
  const load = startLoadGenerator();
  const proxies = await Promise.all(cluster.nodes.map((node) => CapacityProxy.start(node, CAPACITY)));
  const urls = cluster.nodes.map((node, index) => proxies[index]?.through(node.url) ?? '');
  const results: ScalingResult[] = [];
  try {
    const nodePerSecond = await measureNode({ scaling, load, urls, cluster });
    for (const replicas of scaling.replicas)
      results.push(...(await measureReplicas(replicas, { scaling, load, urls, cluster, nodePerSecond })));
  } finally {
    await load.stop();
    for (const proxy of proxies) proxy.close();
    await cluster.stop();
  }
  return results;
}

interface Surroundings {
  readonly scaling: Sizes['scaling'];
  readonly load: Child;
  readonly urls: readonly string[];
  readonly cluster: PostgresCluster;
}

/** The capacity of one node as the plain application sees it: the unit of all else. */
async function measureNode({ scaling, load, urls: [primaryUrl = ''] }: Surroundings): Promise<number> {
  const server = await BenchServer.start({
    variant: 'plain',
    platform: 'fastify',
    primaryUrl,
    replicaUrls: [],
  });
  const reports: VisitsReport[] = [];
  for (let round = 0; round <= scaling.rounds; round++)
    reports.push(await visit(load, server, { scaling, replicas: 0, writeShare: 0 }));
  await server.stop();
  return median(reports.slice(1).map(({ reads, seconds }) => reads / seconds));
}

async function measureReplicas(
  replicas: number,
  { scaling, load, urls, nodePerSecond }: Surroundings & { nodePerSecond: number },
): Promise<readonly ScalingResult[]> {
  const [primaryUrl = '', ...others] = urls;
  const replicaUrls = others.slice(0, replicas);
  const variants: readonly Variant[] = replicas === 0 ? ['session'] : COMPARED;
  const running = await Promise.all(
    variants.map((variant) => BenchServer.start({ variant, platform: 'fastify', primaryUrl, replicaUrls })),
  );
  const results: ScalingResult[] = [];
  for (const server of running) {
    await visit(load, server, {
      scaling: { ...scaling, durationMs: scaling.durationMs / 4 },
      replicas,
      writeShare: 0,
    });
    for (const writeShare of scaling.writeShares) {
      const reports: VisitsReport[] = [];
      for (let round = 0; round < scaling.rounds; round++)
        reports.push(await visit(load, server, { scaling, replicas, writeShare }));
      const ideal = idealReads({ replicas, writeShare, nodePerSecond });
      results.push(resultOf(server.config.variant, { replicas, writeShare, ideal }, reports));
    }
  }
  await Promise.all(running.map((server) => server.stop()));
  return results;
}

async function visit(
  load: Child,
  server: BenchServer,
  { scaling, replicas, writeShare }: { scaling: Sizes['scaling']; replicas: number; writeShare: number },
): Promise<VisitsReport> {
  const job: VisitsJob = {
    port: server.port,
    clients: CLIENTS,
    writeShare,
    workers: WORKERS_PER_NODE * Math.max(1, replicas),
    durationMs: scaling.durationMs,
    firstVersion: Date.now() * 1000,
    replicaPorts: [],
  };
  const report = await load.ask<VisitsReport>('visit', job);
  server.mustRun();
  return report;
}

const CLIENTS = 4_000;
/** More than a pool has connections would only wait; fewer would leave nodes idle. */
const WORKERS_PER_NODE = 8;

/**
 * Every visit reads once, and of `writeShare` of them wrote before. The replicas share the reads, the primary has the
 * writes; with no replica it has both.
 */
export function idealReads({
  replicas,
  writeShare,
  nodePerSecond,
}: {
  readonly replicas: number;
  readonly writeShare: number;
  readonly nodePerSecond: number;
}): number {
  if (replicas === 0) return nodePerSecond / (1 + writeShare * QUERIES_PER_WRITE);
  const byWrites = writeShare === 0 ? Infinity : nodePerSecond / (writeShare * QUERIES_PER_WRITE);
  return Math.min(replicas * nodePerSecond, byWrites);
}

function resultOf(
  variant: Variant,
  { replicas, writeShare, ideal }: { replicas: number; writeShare: number; ideal: number },
  reports: readonly VisitsReport[],
): ScalingResult {
  const perSecond = (what: 'reads' | 'writes') =>
    median(reports.map((report) => report[what] / report.seconds));
  const total = (what: 'failed' | 'stale') => reports.reduce((sum, report) => sum + report[what], 0);
  return {
    variant,
    replicas,
    writeShare,
    readsPerSecond: perSecond('reads'),
    writesPerSecond: perSecond('writes'),
    failed: total('failed'),
    stale: total('stale'),
    idealReadsPerSecond: ideal,
  };
}
