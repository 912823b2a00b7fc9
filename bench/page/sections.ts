import type { Variant } from '../app/variant.js';
import type { CallResult } from '../parts/calls.js';
import { median, ratioOf } from '../measure/statistics.js';
import { MAX_LAG_MS } from '../parts/faults.js';
import { hasUsualWrites } from '../parts/lag.js';
import { CAPACITY } from '../parts/scaling.js';
import type { Parts } from '../results.js';
import { cpuTimesPlain } from './http-ratios.js';
import { labelOf, labelOfServer } from './label.js';
import { count, milliseconds, percent, ratio, table } from './markdown.js';

const OPERATIONS: Readonly<Record<CallResult['operation'], string>> = {
  findOneBy: '`findOneBy`',
  find20: '`find` of 20 rows',
  save: '`save` (a transaction)',
  insert: '`insert` (autocommit)',
};

function isPlain({ variant, parts }: CallResult): boolean {
  return variant === 'plain' && parts === 'none';
}

export function callsSection(calls: Parts['calls']): string {
  const rows = calls.map((one) => {
    const plain = calls.find((other) => isPlain(other) && other.operation === one.operation);
    return [
      OPERATIONS[one.operation],
      labelOf(one.variant, one.parts),
      `${count(median(one.wallUs))} µs`,
      ratio(ratioOf(one.wallUs, plain?.wallUs ?? [])),
      `${count(median(one.cpuUs))} µs`,
      ratio(ratioOf(one.cpuUs, plain?.cpuUs ?? [])),
    ];
  });
  rows.sort(([a], [b]) => String(a).localeCompare(String(b)));
  return `### Time per call

One call after the other, each variant in a process of its own, in alternating slices of some milliseconds; each call is a unit of work of its own. There is one replica, so that every variant reads one server: going to and fro between two costs by itself on two cores. The second variant is the platform's own share: (a) in AsyncLocalStorage, which carries the unit of work. "Times (a)" is the median over the rounds, with the quartiles in brackets. (d) against (c) is what capturing the position costs: one message together with COMMIT in \`save\`, one query more after the autocommit \`insert\`.

${table(['call', 'variant', 'time', 'times (a)', 'CPU of the client', 'times (a)'], rows)}`;
}

export function httpSection(http: Parts['http']): string {
  const groups = [...new Set(http.map(({ node, platform }) => `${platform}, Node ${node}`))];
  const tables = groups.map((group) => {
    const some = http.filter(({ node, platform }) => `${platform}, Node ${node}` === group);
    const rows = some.map((one) => [
      one.request,
      labelOfServer(one),
      `${count(median(one.cpuUs))} µs`,
      ratio(cpuTimesPlain(one, http)),
      count(one.requestsPerSecond),
      median(one.p50Ms).toFixed(1),
      one.p99Ms.toFixed(1),
    ]);
    rows.sort(([a], [b]) => String(a).localeCompare(String(b)));
    const head = ['request', 'variant', 'CPU per request', 'times (a)', 'requests/s', 'p50 ms', 'p99 ms'];
    return `#### ${group}\n\n${table(head, rows)}`;
  });
  return `### Time per request

CPU time of the server's process (\`process.cpuUsage()\`) per request; the load comes from another process. All variants answer short slices of requests in turn, and every process, started anew several times, answers as many of each kind: one that answers more is compiled better. A GET makes one query, a POST one autocommit insert, a POST in a transaction one \`save\`; "GET after writing" carries the token of a write that the replicas have replayed, where the variant has tokens. Requests per second and latencies share the cores with the load generator and PostgreSQL: compare them only with each other. There are two replicas, but for the variants which say one: these read a single server, as (a) does, and going to and fro between two costs by itself on two cores. The last two variants are the platform's own share: (a) with parts that do nothing. Nothing here costs less than (a): a ratio below 1 shows how much the machine disturbs, and the quartiles in brackets say how far to trust one.

![CPU per GET](docs/benchmarks/overhead.svg)

${tables.join('\n\n')}`;
}

export function startSection(start: Parts['start']): string {
  const rows = start.map((one) => [
    labelOf(one.variant) + (one.hasReplicas ? '' : ', `replicas: []`'),
    `${count(one.startMs)} ms`,
    `${count(one.startCpuMs)} ms`,
    ratio(one.start),
    one.heapMb.toFixed(1),
    one.idleRssMb.toFixed(0),
    one.inFlightKb.toFixed(1),
  ]);
  const head = [
    'variant',
    'start',
    'CPU of the start',
    'times (a)',
    'heap after it, MB',
    'idle server, RSS MB',
    'KB per request in flight',
  ];
  return `### Start-up and memory

An application context with many entities (each ten columns and a relation), two replicas, processes in alternation; the idle server and the requests in flight are of the benchmark's application on Fastify.

${table(head, rows)}`;
}

export function noReplicasSection(results: Parts['no-replicas']): string {
  const rows = results
    .filter(({ variant }) => variant === 'session')
    .map((one) => [
      one.platform,
      one.request,
      `${count(median(one.cpuUs))} µs`,
      ratio(cpuTimesPlain(one, results)),
      one.failed,
    ]);
  return `### Without replicas

The same requests with \`replicas: []\`, against (a): what an application pays that has this library before its first replica. CPU time of the server's process per request.

${table(['platform', 'request', '(d), `replicas: []`', 'times (a)', 'failed'], rows)}`;
}

/** Who keeps a client's own writes visible. */
const KEEPERS: ReadonlySet<Variant> = new Set(['session', 'time-pinning']);

export function lagSection(lag: Parts['lag']): string {
  const rows = lag
    .filter(hasUsualWrites)
    .map((one) => [
      `${one.lagMs} ms`,
      labelOf(one.variant),
      count(one.reads),
      count((1e6 * one.stale) / one.reads),
      percent(one.readsOnReplicas / one.reads),
      one.failed,
    ]);
  const head = ['lag', 'variant', 'reads', 'stale reads per million', 'reads on replicas', 'failed'];
  const lagsWithOthers = new Set(lag.filter((one) => !hasUsualWrites(one)).map(({ lagMs }) => lagMs));
  const shares = lag
    .filter(({ variant, lagMs }) => KEEPERS.has(variant) && lagsWithOthers.has(lagMs))
    .sort((a, b) => a.lagMs - b.lagMs || a.writeShare - b.writeShare)
    .map((one) => [
      `${one.lagMs} ms`,
      percent(one.writeShare, 0),
      labelOf(one.variant),
      count(one.reads),
      count(one.stale),
      percent(one.readsOnReplicas / one.reads),
    ]);
  return `## 2. Correctness under lag

2,000 clients with cookies, 400 visits per second: nine of ten read, one posts a form, is redirected and reads what it has written. A read is stale when it shows an older version than the client itself has written. The lag is PostgreSQL's \`recovery_min_apply_delay\` on both replicas; 0 is the ordinary lag of this machine. Which server answered is in the row itself (\`inet_server_port()\`). Every run begins with clients who have not written yet, so that a run shorter than its 5 s flatters (e).

![Stale reads](docs/benchmarks/stale-reads.svg)

![Reads on the primary](docs/benchmarks/primary-reads.svg)

${table(head, rows)}

What the share of writing visits does to the variants that keep a client's own writes visible:

${table(['lag', 'writes', 'variant', 'reads', 'stale reads', 'reads on replicas'], shares)}`;
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

A proxy before each node lets ${CAPACITY.slots} queries at a time through and adds ${CAPACITY.serviceMs} ms to each, so that every node has the same, known capacity and the machine is not the limit. Clients always have the next request ready. The ideal has all reads on the replicas, one query per write on the primary and nothing else; its unit is what (a) reaches on one node. What (d) adds is in its figures: the query for the position after a write, probes, asks.

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
  const rows = faults.map((one) => [
    FAULT_NAMES[one.fault] ?? one.fault,
    labelOf(one.variant) + (one.survived ? '' : ' (**process crashed**)'),
    count(one.requests),
    one.failedReads,
    one.failedWrites,
    one.staleReads,
    milliseconds(one.longestStallMs),
    milliseconds(one.ejectMs),
    milliseconds(one.returnMs),
    milliseconds(one.harnessStallMs),
  ]);
  const head = [
    'fault',
    'variant',
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

export function unitsSection({ costs }: Parts['units']): string {
  const rows = costs.map(({ name, nanoseconds, bytes }) => [name, count(nanoseconds), count(bytes)]);
  return `## 5. Unit costs

Each alone in a process; bytes are what it allocates. Capture is in section 1: \`insert\` and \`save\`, (d) against (c).

${table(['step', 'ns', 'bytes'], rows)}`;
}
