import type { HttpResult } from '../measure/compare-servers.js';
import { sideBySide } from '../measure/engines.js';
import type { CallResult } from '../parts/calls.js';
import { median, ratioOfStarts, undisturbed, type Starts } from '../measure/statistics.js';
import type { Parts } from '../results.js';
import { cpuTimesPlain, findLike } from './http-ratios.js';
import { labelOf, labelOfServer } from './label.js';
import { count, ratio, table } from './markdown.js';

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
  const nodes = [...new Set(calls.map(({ node }) => node))];
  const tables = nodes.map(
    (node) => `#### Node ${node}\n\n${callsTable(calls.filter((one) => one.node === node))}`,
  );
  return `### Time per call

One call after the other, each variant in a process of its own, in alternating slices of some milliseconds; each call is a unit of work of its own. There is one replica, so that every variant reads one server: going to and fro between two costs by itself on two cores. The second variant is the platform's own share: (a) in AsyncLocalStorage, which carries the unit of work. Figures are what is not exceeded by the least disturbed tenth of the slices of one start of the processes; "times (a)" is the median over the starts, with the quartiles in brackets. (d) against (c) is what capturing the position costs: on PostgreSQL one message together with COMMIT in \`save\`, one query more after the autocommit \`insert\`; on MariaDB, whose answer to a commit has the position, nothing but one query more after an \`insert\`, since there TypeORM's type \`mariadb\` asks for the row (\`RETURNING\`).

${tables.join('\n\n')}`;
}

function callsTable(calls: Parts['calls']): string {
  const all = sideBySide(calls, ({ variant, parts, operation }) => `${variant} ${parts} ${operation}`);
  const rows = all.map((one) => {
    const isAlike = ({ engine, operation }: CallResult) =>
      engine === one.engine && operation === one.operation;
    const plain = calls.find((other) => isPlain(other) && isAlike(other));
    return [
      OPERATIONS[one.operation],
      labelOf(one.variant, one.parts),
      one.engine,
      microseconds(one.wallUs),
      ratio(ratioOfStarts(one.wallUs, plain?.wallUs ?? [])),
      microseconds(one.cpuUs),
      ratio(ratioOfStarts(one.cpuUs, plain?.cpuUs ?? [])),
    ];
  });
  rows.sort(([a], [b]) => String(a).localeCompare(String(b)));
  return table(['call', 'variant', 'database', 'time', 'times (a)', 'CPU of the client', 'times (a)'], rows);
}

export function httpSection(http: Parts['http']): string {
  const groups = [...new Set(http.map(({ node, platform }) => `${platform}, Node ${node}`))];
  const tables = groups.map((group) => {
    const some = http.filter(({ node, platform }) => `${platform}, Node ${node}` === group);
    const rows = some.map((one) => [
      one.request,
      labelOfServer(one),
      microseconds(one.cpuUs),
      ratio(cpuTimesPlain(one, http)),
      count(one.requestsPerSecond),
      median(undisturbed(one.p50Ms)).toFixed(1),
      one.p99Ms.toFixed(1),
    ]);
    rows.sort(([a], [b]) => String(a).localeCompare(String(b)));
    const head = ['request', 'variant', 'CPU per request', 'times (a)', 'requests/s', 'p50 ms', 'p99 ms'];
    return `#### ${group}\n\n${table(head, rows)}`;
  });
  return `### Time per request

CPU time of the server's process (\`process.cpuUsage()\`) per request; the load comes from another process, over four connections.${ownProcessor(http)} All variants answer slices of some hundred requests in turn, and every process, started again several times, answers as many of each kind: one that answers more is compiled better. A GET makes one query, a POST one autocommit insert, a POST in a transaction one \`save\`; "GET after writing" carries, where the variant has tokens, the token of a write that the replicas have replayed, for a minute the same one. CPU and p50 are those of the least disturbed tenth of the slices of one start; "times (a)" is the median over the starts, with the quartiles in brackets. Requests per second and latencies share the cores with the load generator and PostgreSQL: compare them only with each other. There are two replicas, but for the variants which say one: these read a single server, as (a) does, and going to and fro between two costs by itself on two cores. The last two variants are the platform's own share: (a) with parts that do nothing. Nothing here costs less than (a): a ratio below 1 shows how much the machine disturbs.

![CPU per GET](docs/benchmarks/overhead.svg)

${tables.join('\n\n')}`;
}

function ownProcessor(results: readonly HttpResult[]): string {
  if (!results.every(({ hasOwnProcessor }) => hasOwnProcessor)) return '';
  return ' The server has a processor of its own, and everything else the others: otherwise chance decides who shares one with whom, and a message costs several times as much in some runs as in others.';
}

/** What is added to the plain application, in microseconds. */
export function shareSection(share: Parts['share']): string {
  const rows = share.map((one) => {
    const plain = undisturbed(findLike(one, share, { variant: 'plain', request: one.request })?.cpuUs ?? []);
    const added = undisturbed(one.cpuUs).map((us, start) => us - (plain[start] ?? Number.NaN));
    return [
      one.platform,
      `Node ${one.node}`,
      one.request,
      labelOfServer(one),
      microseconds(one.cpuUs),
      `${count(median(added))} µs`,
    ];
  });
  return `### The share of routing

The same GETs with the answers of the database taken from memory, inside the process: what is left is what the application and its libraries do themselves. "Added" is the difference to (a), the median over the starts.

${table(['platform', 'Node', 'request', 'variant', 'CPU per request', 'added'], rows)}`;
}

/** Every kind of request with read-your-writes against the same without. */
export function guaranteeSection(results: Parts['guarantee']): string {
  const rows = results
    .filter(({ variant }) => variant === 'session')
    .map((one) => {
      const without = findLike(one, results, { ...one, variant: 'eventual' });
      const bare = findLike(one, results, { ...one, request: 'GET' });
      return [
        one.platform,
        `Node ${one.node}`,
        one.request,
        microseconds(one.cpuUs),
        ratio(ratioOfStarts(one.cpuUs, without?.cpuUs ?? [])),
        one.request.startsWith('GET ') ? ratio(ratioOfStarts(one.cpuUs, bare?.cpuUs ?? [])) : '',
        median(undisturbed(one.p50Ms)).toFixed(2),
        ratio(ratioOfStarts(one.p50Ms, without?.p50Ms ?? [])),
      ];
    });
  const head = [
    'platform',
    'Node',
    'request',
    'CPU per request',
    'times (c)',
    'times its GET',
    'p50 ms',
    'times (c)',
  ];
  return `### What read-your-writes costs

The same requests of (d) and (c) alone, with one replica, counted after more than 12,000 of each kind: until then functions are still being compiled. "GET with a cookie" carries one of the application, as long as a token's; "GET after writing" carries a token in (d), while (c) issues none, so that there it is a GET like any other.

${table(head, rows)}`;
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
      microseconds(one.cpuUs),
      ratio(cpuTimesPlain(one, results)),
      one.failed,
    ]);
  return `### Without replicas

The same requests with \`replicas: []\`, against (a): what an application pays that has this library before its first replica. CPU time of the server's process per request.

${table(['platform', 'request', '(d), `replicas: []`', 'times (a)', 'failed'], rows)}`;
}

/** What one start of the processes needs for it, undisturbed. */
function microseconds(starts: Starts): string {
  return `${count(median(undisturbed(starts)))} µs`;
}
