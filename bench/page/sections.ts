import type { Variant } from '../app/variant.js';
import { sideBySide } from '../measure/engines.js';
import { MAX_LAG_MS, type FaultResult } from '../parts/faults.js';
import { hasUsualWrites } from '../parts/lag.js';
import { CAPACITY } from '../parts/scaling.js';
import type { Parts } from '../results.js';
import { labelOf } from './label.js';
import { count, milliseconds, percent, table } from './markdown.js';

/** Who keeps a client's own writes visible. */
const KEEPERS: ReadonlySet<Variant> = new Set(['session', 'time-pinning']);

export function lagSection(lag: Parts['lag']): string {
  const all = sideBySide(lag, ({ lagMs, variant, writeShare }) => `${lagMs} ${variant} ${writeShare}`);
  const rows = all
    .filter(hasUsualWrites)
    .map((one) => [
      `${one.lagMs} ms`,
      labelOf(one.variant),
      one.engine,
      count(one.reads),
      count((1e6 * one.stale) / one.reads),
      percent(one.readsOnReplicas / one.reads),
      one.failed,
    ]);
  const head = [
    'lag',
    'variant',
    'database',
    'reads',
    'stale reads per million',
    'reads on replicas',
    'failed',
  ];
  const lagsWithOthers = new Set(lag.filter((one) => !hasUsualWrites(one)).map(({ lagMs }) => lagMs));
  const shares = all
    .filter(({ variant, lagMs }) => KEEPERS.has(variant) && lagsWithOthers.has(lagMs))
    .sort((a, b) => a.lagMs - b.lagMs || a.writeShare - b.writeShare)
    .map((one) => [
      `${one.lagMs} ms`,
      percent(one.writeShare, 0),
      labelOf(one.variant),
      one.engine,
      count(one.reads),
      count(one.stale),
      percent(one.readsOnReplicas / one.reads),
    ]);
  return `## 2. Correctness under lag

2,000 clients with cookies, 400 visits per second: nine of ten read, one posts a form, is redirected and reads what it has written. A read is stale when it shows an older version than the client itself has written. The lag is that of both replicas: PostgreSQL's \`recovery_min_apply_delay\`; before MariaDB's replicas, whose own delay counts in whole seconds, a proxy that holds the primary's log back. 0 is the ordinary lag of this machine. Which server answered is in the row itself (\`inet_server_port()\`, which MariaDB is given). The charts show PostgreSQL. Every run begins with clients who have not written yet, so that a run shorter than its 5 s flatters (e).

![Stale reads](docs/benchmarks/stale-reads.svg)

![Reads on the primary](docs/benchmarks/primary-reads.svg)

${table(head, rows)}

What the share of writing visits does to the variants that keep a client's own writes visible:

${table(['lag', 'writes', 'variant', 'database', 'reads', 'stale reads', 'reads on replicas'], shares)}`;
}

export function waitSection(wait: Parts['wait']): string {
  const rows = wait.map((one) => [
    `${one.maxWaitMs} ms`,
    count(one.reads),
    percent(one.readsOnReplicas / one.reads),
    one.stale,
    one.failed,
  ]);
  return `### The wait for a replica

Every visit posts, is redirected and reads at once, at the ordinary lag of this machine: what the read gains by waiting up to \`consistency.maxWaitMs\` (20 by default) for a replica before it goes to the primary. A replica is asked at most once per 20 ms.

${table(['`maxWaitMs`', 'reads', 'reads on replicas', 'stale', 'failed'], rows)}`;
}

export function scalingSection(scaling: Parts['scaling']): string {
  const rows = scaling.map((one) => [
    percent(one.writeShare, 0),
    one.replicas,
    labelOf(one.variant),
    count(one.readsPerSecond),
    count(one.idealReadsPerSecond),
    (one.readsPerSecond / one.idealReadsPerSecond).toFixed(2),
    count(one.writesPerSecond),
    one.stale,
    one.failed,
  ]);
  rows.sort(
    (a, b) => Number.parseInt(String(a[0])) - Number.parseInt(String(b[0])) || Number(a[1]) - Number(b[1]),
  );
  const head = [
    'writes',
    'replicas',
    'variant',
    'reads/s',
    'ideal',
    'of ideal',
    'writes/s',
    'stale',
    'failed',
  ];
  return `## 3. Scaling out

A proxy before each node lets ${CAPACITY.slots} queries at a time through and adds ${CAPACITY.serviceMs} ms to each, so that every node has the same, known capacity and the machine is not the limit. Clients always have the next request ready. The ideal has all reads on the replicas, one query per write on the primary and nothing else; its unit is what (a) reaches on one node. What (d) adds is in its figures: the query for the position after a write, probes, asks. At 20 % writes the primary is what limits (d): an autocommit write makes two queries there, and replicas that answer no sooner than ${CAPACITY.serviceMs} ms after they are asked leave the reads behind writes to it.

![Scaling out](docs/benchmarks/scaling.svg)

${table(head, rows)}`;
}

const FAULT_NAMES: Readonly<Record<string, string>> = {
  killed: 'replica killed (kill -9)',
  stalled: 'replica stalled (link holds everything back)',
  blackholed: 'replica blackholed (link drops everything)',
  paused: 'replica paused (replay stands still)',
  'primary-killed': 'primary killed (kill -9)',
};

export function faultsSection(faults: Parts['faults']): string {
  const rows = sideBySide(faults, ({ fault, variant }) => `${fault} ${variant}`).map((one) => [
    FAULT_NAMES[one.fault] ?? one.fault,
    labelOf(one.variant) + (one.survived ? '' : ' (**process crashed**)'),
    one.engine,
    ...(one.survived ? figuresOf(one) : Array<string>(7).fill('-')),
    milliseconds(one.harnessStallMs),
  ]);
  const head = [
    'fault',
    'variant',
    'database',
    'requests',
    'failed reads',
    'failed writes',
    'stale own reads',
    'longest read',
    'time to eject',
    'time to return',
    'held up by the machine',
  ];
  return `## 4. Faults

One server of three breaks under both applications at once, each with 100 requests per second, 5 % of them writing; clients give up after 4 s. Judged by what clients saw alone: the time to eject is from the fault to the last read that failed, took more than 250 ms or was answered by the broken server; the time to return from the mend to the first answer of that server (of the primary: the first write that works). \`monitor.maxLagMs\` is ${count(MAX_LAG_MS)}, the rest is default. Writes must fail while there is no primary. The last column is how long the machine held up the proxies themselves: what is no longer than that says nothing about a variant.

${table(head, rows)}`;
}

function figuresOf(one: FaultResult): readonly (string | number)[] {
  return [
    count(one.requests),
    one.failedReads,
    one.failedWrites,
    one.staleReads,
    milliseconds(one.longestStallMs),
    milliseconds(one.ejectMs),
    milliseconds(one.returnMs),
  ];
}

export function unitsSection({ costs }: Parts['units']): string {
  const rows = costs.map(({ name, nanoseconds, bytes }) => [name, count(nanoseconds), count(bytes)]);
  return `## 5. Unit costs

Each alone in a process; bytes are what it allocates. Capture is in section 1: \`insert\` and \`save\`, (d) against (c).

${table(['step', 'ns', 'bytes'], rows)}`;
}
