import type { Variant } from '../app/variant.js';
import { countVisits, type VisitCounts } from '../load/visits.js';
import { withBench, type Bench } from '../measure/bench.js';
import { CapacityProxy, type Capacity } from '../measure/capacity-proxy.js';
import { VERSIONS } from '../measure/seeded-cluster.js';
import { median } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** The throughput of one application over so many replicas. */
export interface ScalingResult extends Measured {
  /** What the nodes' capacity allows when every read goes to a replica and nothing else is asked. */
  readonly idealReadsPerSecond: number;
}

/** Slow servers, so that they and not the machine are the limit. */
export const CAPACITY: Capacity = { slots: 2, serviceMs: 20 };
/** With four replicas 64 clients at any time; fewer would leave nodes idle. */
const WORKERS_PER_NODE = 16;

type Subject = { replicas: number } & { variant: Variant; writeShares: readonly number[] };

/** Reads per second, with clients who always have the next request ready. */
export function measureScaling({ scaling }: Sizes): Promise<readonly ScalingResult[]> {
  const { replicas: counts, writeShares } = scaling;
  const most = Math.max(...counts);
  return withBench({ replicas: most }, async (bench) => {
    const proxies = await Promise.all(bench.nodes.map((node) => CapacityProxy.start(node, CAPACITY)));
    const measure = (subject: Subject) => measureSubject(subject, { bench, proxies, scaling });
    try {
      // What the plain application gets of one node is the unit of all else.
      const [plain] = await measure({ variant: 'plain', replicas: 0, writeShares: [0] });
      const results: Measured[] = [];
      for (const replicas of counts)
        results.push(...(await measure({ variant: 'session', replicas, writeShares })));
      results.push(...(await measure({ variant: 'typeorm-replication', replicas: most, writeShares })));
      const nodePerSecond = plain?.readsPerSecond ?? Number.NaN;
      return results.map((one) => ({ ...one, idealReadsPerSecond: idealReads(one, nodePerSecond) }));
    } finally {
      for (const proxy of proxies) proxy.close();
    }
  });
}

type Measured = Readonly<Awaited<ReturnType<typeof measureSubject>>[number]>;

type Surroundings = { bench: Bench; proxies: readonly CapacityProxy[]; scaling: Sizes['scaling'] };

async function measureSubject(
  { variant, replicas, writeShares }: Subject,
  { bench, proxies, scaling: { rounds, durationMs } }: Surroundings,
) {
  const urls = proxies.map((proxy, at) => proxy.through(bench.nodes[at]?.url ?? ''));
  const [primaryUrl = '', ...replicaUrls] = urls.slice(0, 1 + replicas);
  const server = await bench.start({ variant, platform: 'fastify', primaryUrl, replicaUrls });
  const visit = async (writeShare: number, ms: number) => {
    const asked = proxies[0]?.served ?? 0;
    const workers = WORKERS_PER_NODE * Math.max(1, replicas);
    const job = { clients: VERSIONS, writeShare, workers, durationMs: ms, firstVersion: Date.now() * 1000 };
    const report = await server.visit(job);
    server.mustRun();
    const { seconds } = report;
    return { ...countVisits([report]), seconds, primaryQueries: (proxies[0]?.served ?? 0) - asked };
  };
  await visit(0, durationMs / 4);
  const results = [];
  for (const writeShare of writeShares) {
    const reports: Awaited<ReturnType<typeof visit>>[] = [];
    for (let round = 0; round < rounds; round++) reports.push(await visit(writeShare, durationMs));
    const perSecond = (what: 'reads' | 'writes' | 'primaryQueries') =>
      median(reports.map((report) => report[what] / report.seconds));
    const total = (what: keyof VisitCounts) => reports.reduce((sum, report) => sum + report[what], 0);
    results.push({
      variant,
      replicas,
      writeShare,
      failed: total('failed'),
      stale: total('stale'),
      readsPerSecond: perSecond('reads'),
      writesPerSecond: perSecond('writes'),
      // All that reached the primary.
      primaryQueriesPerSecond: perSecond('primaryQueries'),
    });
  }
  await server.process.stop();
  return results;
}

/**
 * Every visit reads once, and `writeShare` of them wrote before, by one query: an autocommit UPDATE. The replicas share the
 * reads, the primary has the writes; with no replica it has both.
 */
export function idealReads(
  { replicas, writeShare }: Pick<ScalingResult, 'replicas' | 'writeShare'>,
  nodePerSecond: number,
): number {
  if (replicas === 0) return nodePerSecond / (1 + writeShare);
  return Math.min(replicas * nodePerSecond, writeShare === 0 ? Infinity : nodePerSecond / writeShare);
}
