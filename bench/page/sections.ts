import type { StartCost } from '../app/server.js';
import { VARIANTS, type ContenderName, type Variant } from '../app/variant.js';
import { ENGINE_NAMES, type EngineName } from '../measure/engines.js';
import { median, ratioOf } from '../measure/statistics.js';
import { MAX_LAG_MS, type FaultResult } from '../parts/faults.js';
import { FLEET_REPLICAS, PROBE_INTERVAL_MS, READS_BEHIND_WRITES_PER_SECOND } from '../parts/fleet.js';
import { CAPACITY } from '../parts/scaling.js';
import type { Parts } from '../results.js';
import { count, milliseconds, percent, ratioCell, spread, table } from './markdown.js';

function enginesOf(results: readonly { readonly engine: EngineName }[]): readonly EngineName[] {
  return ENGINE_NAMES.filter((name) => results.some(({ engine }) => engine === name));
}

export function lagSection(lag: Parts['lag']): string {
  const variants: readonly Variant[] = ['typeorm-replication', 'time-pinning', 'session'];
  const columns = enginesOf(lag).flatMap((engine) => variants.map((variant) => ({ engine, variant })));
  const cells = new Map(lag.map((one) => [`${one.lagMs} ${one.writeShare}`, one]));
  const rows = [...cells.values()].map(({ lagMs, writeShare }) => {
    const some = lag.filter((one) => one.lagMs === lagMs && one.writeShare === writeShare);
    const ofEach = columns.map(({ engine, variant }) => {
      const one = some.find((other) => other.engine === engine && other.variant === variant);
      if (!one) return '-';
      const figures = `${count((1e6 * one.stale) / one.reads)}, ${percent(one.readsOnReplicas / one.reads)}`;
      return one.failed === 0 ? figures : `${figures}, ${one.failed} failed`;
    });
    return [`${lagMs} ms`, percent(writeShare, 0), ...ofEach];
  });
  const names = columns.map(({ engine, variant }) => `${engine}: ${VARIANTS[variant]}`);
  return `Clients with cookies read, and now and then post a form, are redirected and read what they have written. Each cell: reads per million that were older than the client's own write, and the share of all reads that replicas answered. Time pinning reads the primary for 5 s after a write. 0 ms is the ordinary lag of this machine.

![Stale reads](docs/benchmarks/stale-reads.svg)

${table(['lag', 'writes', ...names], rows)}`;
}

export function waitSection(wait: Parts['wait']): string {
  const rows = wait.map(({ maxWaitMs, reads, readsOnReplicas, stale }) => {
    return [`${maxWaitMs} ms`, count(reads), percent(readsOnReplicas / reads), stale];
  });
  return `Every visit posts, is redirected and reads at once: what the read gains by waiting up to \`consistency.maxWaitMs\` (20 by default) for a replica before it goes to the primary.

${table(['`maxWaitMs`', 'reads', 'on replicas', 'stale'], rows)}`;
}

export function scalingSection(scaling: Parts['scaling']): string {
  const rows = scaling
    .filter(({ writeShare }) => writeShare > 0)
    .sort((a, b) => a.writeShare - b.writeShare)
    .map((one) => [
      percent(one.writeShare, 0),
      one.replicas,
      VARIANTS[one.variant],
      count(one.readsPerSecond),
      (one.readsPerSecond / one.idealReadsPerSecond).toFixed(2),
      (one.primaryQueriesPerSecond / one.writesPerSecond).toFixed(2),
      one.stale,
    ]);
  return `A proxy before each node lets ${CAPACITY.slots} queries at a time through and adds ${CAPACITY.serviceMs} ms to each, so that the nodes and not the machine are the limit; clients always have the next request ready. The ideal: all reads on replicas, one query per write on the primary, nothing else.

![Scaling out](docs/benchmarks/scaling.svg)

${table(['writes', 'replicas', '', 'reads/s', 'of ideal', 'queries on the primary per write', 'stale'], rows)}`;
}

const FAULT_NAMES: Readonly<Record<string, string>> = {
  killed: 'replica killed',
  stalled: 'replica stalled: the link holds everything back',
  blackholed: 'replica blackholed: the link drops everything',
  paused: 'replica paused: replay stands still',
  'primary-killed': 'primary killed: writes must fail',
};

export function faultsSection(faults: Parts['faults']): string {
  const engines = enginesOf(faults);
  const rows = new Map(faults.map((one) => [`${one.fault} ${one.variant}`, one]));
  const rowOf = ({ fault, variant }: FaultResult) => {
    const ofEach = (cell: (one: FaultResult) => string | number) =>
      engines.map((engine) => {
        const of = (one: FaultResult) =>
          one.engine === engine && one.fault === fault && one.variant === variant;
        const one = faults.find(of);
        return one ? (one.survived ? cell(one) : 'process crashed') : '-';
      });
    return [
      FAULT_NAMES[fault] ?? fault,
      VARIANTS[variant],
      ...ofEach((one) => `${one.failedReads}, ${one.failedWrites} of ${count(one.requests)}`),
      ...ofEach((one) => one.staleReads),
      ...ofEach((one) => milliseconds(one.longestStallMs)),
      ...ofEach((one) => `${milliseconds(one.ejectMs)}, ${milliseconds(one.returnMs)}`),
    ];
  };
  const stall = Math.max(...faults.map(({ harnessStallMs }) => harnessStallMs));
  const head = ['failed reads, writes', 'stale', 'longest read', 'left, used again after'].flatMap((what) =>
    engines.map((engine) => `${engine}: ${what}`),
  );
  return `One server of three breaks, is mended later, and both applications are asked all the while, 5 % of the requests writing; clients give up after 4 s. A server is left with the last read that failed, took more than 250 ms or was answered by it. \`monitor.maxLagMs\` is ${count(MAX_LAG_MS)}. The machine held the requests up by up to ${milliseconds(stall)}: less than that says nothing.

${table(['', '', ...head], [...rows.values()].map(rowOf))}`;
}

/** Of one instance, for the computation. */
const REQUESTS_PER_SECOND = 100;
const WRITE_SHARE = 0.1;
const POOL = 10;
/** Half of the primary's pool, for reads that no replica can serve. */
const FALLBACK = POOL / 2;

/** Questions that one replica gets per second when so many instances serve what is assumed of each. */
export function asksAt(instances: number, { asksPerRead }: Parts['fleet']): number {
  return instances * REQUESTS_PER_SECOND * WRITE_SHARE * asksPerRead;
}

/** What many instances mean together, computed from what some of them ask. */
export function fleetSection(fleet: Parts['fleet']): string {
  const rows = [40, 1_000].map((instances) => {
    const probes = (instances * 1000) / PROBE_INTERVAL_MS;
    const asks = asksAt(instances, fleet);
    return [
      count(instances),
      count(probes),
      count(asks),
      percent(((probes + asks) * fleet.probeUs) / 1e6, 0),
      `${count(instances * (POOL + 1))}, ${count(instances * (POOL + FALLBACK + 1))}`,
      `${count((instances * REQUESTS_PER_SECOND * fleet.cookieBytes) / 1024)} KiB`,
    ];
  });
  const both = 'connections: a replica, the primary';
  const head = ['instances', 'probes/s per node', 'asks/s per replica', 'CPU of a node', both, 'tokens/s'];
  return `Measured with ${fleet.instances} instances and ${FLEET_REPLICAS} replicas, each instance with ${READS_BEHIND_WRITES_PER_SECOND} writes per second that are read at once: ${fleet.asksPerRead.toFixed(3)} questions to each replica per such read, beside one probe per second and node; ${percent(fleet.readsOnReplicas)} of these reads stayed on replicas; ${count(fleet.probeUs)} µs of a server's time per question, ${count(fleet.cookieBytes)} bytes of token. Extrapolated: ${REQUESTS_PER_SECOND} requests per second and instance, ${percent(WRITE_SHARE, 0)} of them writing and then reading at once, pools of ${POOL}. The next limit are connections: pool them in front of the nodes, or run fewer, larger instances.

${table(head, rows)}`;
}

/** Start-up and memory against the plain application's, start by start. */
export function startRatio(start: Parts['start'], name: ContenderName, of: (cost: StartCost) => number) {
  const costs = (wanted: ContenderName) =>
    (start.find(({ contender }) => contender === wanted)?.costs ?? []).map(of);
  return ratioOf(costs(name), costs('plain'));
}

export const START_FIGURES = {
  'start-up, CPU': ({ cpuMs }: StartCost) => cpuMs,
  'start-up, time': ({ wallMs }: StartCost) => wallMs,
  'memory, heap': ({ heapMb }: StartCost) => heapMb,
  'memory, process': ({ rssMb }: StartCost) => rssMb,
} as const;

export function startSection(start: Parts['start']): string {
  const plain = start.find(({ contender }) => contender === 'plain');
  const rows = Object.entries(START_FIGURES).map(([what, of]) => {
    const control = startRatio(start, 'control', of);
    return [
      what,
      `${count(median((plain?.costs ?? []).map(of)))} ${what.startsWith('memory') ? 'MB' : 'ms'}`,
      spread(control),
      ratioCell(startRatio(start, 'no-replicas', of), control),
      ratioCell(startRatio(start, 'session', of), control),
    ];
  });
  return `Before there is a replica: an application of ${plain?.entities ?? 0} entities with \`replicas: []\`, against plain TypeORM. What requests cost it is in the first table.

${table(['', 'plain', 'plain again', '`replicas: []`', 'with a replica'], rows)}`;
}
