import { countVisits } from '../load/visits.js';
import { withBench, type BenchServer } from '../measure/bench.js';
import { VERSIONS, type SeededNode } from '../measure/seeded-cluster.js';
import { median } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** What many instances ask of the servers. */
export type FleetResult = Readonly<Awaited<ReturnType<typeof measureFleet>>>;

export const FLEET_REPLICAS = 5;
/** Visits of one instance that write and then read at once. */
export const READS_BEHIND_WRITES_PER_SECOND = 25;
export const PROBE_INTERVAL_MS = 1_000;
/** Until pools have their connections. */
const WARM_UP_MS = 2_000;

/** As many instances as the machine carries, each with its share of visits that all write and read at once. */
export function measureFleet({ fleet }: Sizes) {
  return withBench({ replicas: FLEET_REPLICAS }, async ({ start, throughProxies, replicaPorts, nodes }) => {
    const { instances, durationMs } = fleet;
    const { proxies, servers } = await throughProxies();
    const running: BenchServer[] = [];
    for (let index = 0; index < instances; index++)
      running.push(await start({ variant: 'session', platform: 'fastify', ...servers }));
    const clients = Math.floor(VERSIONS / instances);
    const job = { clients, perSecond: READS_BEHIND_WRITES_PER_SECOND, writeShare: 1 };
    const visit = (ofAll: { readonly durationMs: number; readonly firstVersion: number }) =>
      Promise.all(running.map((one, at) => one.visit({ ...job, ...ofAll, firstRow: at * clients })));
    await visit({ durationMs: Math.min(WARM_UP_MS, durationMs), firstVersion: 0 });
    const sent = () => proxies.slice(1).reduce((sum, proxy) => sum + proxy.roundTrips, 0);
    const [before, startedAtMs] = [sent(), performance.now()];
    const reports = await visit({ durationMs, firstVersion: 1_000_000 });
    const seconds = (performance.now() - startedAtMs) / 1000;
    const { reads, readsOnReplicas, stale } = countVisits(reports, replicaPorts);
    const probes = (instances * FLEET_REPLICAS * seconds * 1000) / PROBE_INTERVAL_MS;
    const asks = Math.max(0, sent() - before - readsOnReplicas - probes);
    return {
      instances,
      readsBehindWritesPerSecond: reads / seconds,
      readsOnReplicas: readsOnReplicas / reads,
      stale,
      /** Questions for its position that one replica was asked per read behind a write, its probes aside. */
      asksPerRead: asks / FLEET_REPLICAS / reads,
      cookieBytes: median(reports.map(({ cookieBytes }) => cookieBytes)),
      /** Time that a server works for one probe, by its own account. */
      probeUs: await probeUs(nodes[1] as SeededNode, fleet.probes),
    };
  });
}

// The probe is not in the public API, so it is taken from the build by path.
const PROBE = new URL('../../../dist/esm/engines/postgres/probe.js', import.meta.url).href;

type Probing = { probe: (run: (sql: string) => Promise<readonly object[]>) => Promise<unknown> };

async function probeUs(server: SeededNode, times: number): Promise<number> {
  const { createProbe } = (await import(PROBE)) as { createProbe: (terms: object) => Probing };
  const { probe } = createProbe({ onWeakness: () => undefined, onDefaults: () => undefined });
  const all: number[] = [];
  for (let index = 0; index < times; index++)
    await probe(async (sql) => {
      all.push(await costUs(server, sql));
      return [];
    });
  return median(all);
}

/** Of one statement, to plan and to execute it. */
async function costUs(server: SeededNode, sql: string): Promise<number> {
  const lines = await server.query(`EXPLAIN (ANALYZE, SUMMARY) ${sql}`);
  const times = JSON.stringify(lines).matchAll(/(?:Planning|Execution) Time: ([\d.]+)/g);
  return Array.from(times, ([, ms]) => 1000 * Number(ms)).reduce((sum, us) => sum + us, 0);
}
