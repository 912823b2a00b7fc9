import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerConfig } from '../app/server.js';
import type { BlastJob } from '../load/blast.js';
import type { Sizes } from '../sizes.js';
import { BenchServer } from './bench-server.js';
import type { Child } from './child.js';
import { orderOfRound, SETTLE_MS } from './statistics.js';

/** The kinds of request. */
export type Request = 'GET' | 'GET with a cookie' | 'GET after writing' | 'POST' | 'POST in a transaction';

/** As long as the cookie that carries a token. */
const FOREIGN_COOKIE = `visitor=${'x'.repeat(61)}`;

const JOBS: Readonly<Record<Request, Pick<BlastJob, 'method' | 'path' | 'cookie' | 'writeFirst'>>> = {
  GET: { method: 'GET', path: '/notes/1' },
  'GET with a cookie': { method: 'GET', path: '/notes/1', cookie: FOREIGN_COOKIE },
  'GET after writing': { method: 'GET', path: '/notes/1', writeFirst: '/notes' },
  POST: { method: 'POST', path: '/notes' },
  'POST in a transaction': { method: 'POST', path: '/notes/saved' },
};
const READS: ReadonlySet<Request> = new Set(['GET', 'GET with a cookie', 'GET after writing']);

/** What one kind of request costs one application: of each start, round by round. */
export interface RequestCosts {
  readonly config: ServerConfig;
  readonly request: Request;
  /** CPU time of the server's process, per request. */
  readonly cpuUs: number[][];
  readonly perSecond: number[];
  readonly p50Ms: number[][];
  readonly p99Ms: number[];
  failed: number;
}

/** How much is measured. */
export type RequestSizes = Sizes['share'];

/** What is measured, and by whom. */
export interface RequestsJob {
  readonly applications: readonly ServerConfig[];
  readonly kinds: readonly Request[];
  readonly sizes: RequestSizes;
  readonly load: Child;
  readonly node?: string | undefined;
  /** Called with the process of each application server. */
  readonly onServer: (pid: number) => void;
}

/**
 * Rounds of short slices: in each, every application answers some requests of a kind right after the others, so that
 * what disturbs the machine for a while disturbs all. All rounds of reads come before those of writes; the first ones
 * of both warm up, in the same turns: a process that is warmed up and then has to wait is compiled again. Processes that
 * do the same differ by some percent for as long as they live, so they are started again now and then.
 */
export async function measureRequests(job: RequestsJob): Promise<readonly RequestCosts[]> {
  const costs = job.applications.flatMap((config) => job.kinds.map((request) => noCosts(config, request)));
  for (let start = 0; start < job.sizes.starts; start++) await measureOneStart(job, costs);
  return costs;
}

function noCosts(config: ServerConfig, request: Request): RequestCosts {
  return { config, request, cpuUs: [], perSecond: [], p50Ms: [], p99Ms: [], failed: 0 };
}

async function measureOneStart(job: RequestsJob, costs: readonly RequestCosts[]): Promise<void> {
  const { applications, sizes, node } = job;
  const { requests, connections, warmUpRounds, rounds } = sizes;
  const slice = { requests, connections };
  for (const { cpuUs, p50Ms } of costs) for (const figures of [cpuUs, p50Ms]) figures.push([]);
  const servers = new Map(
    await Promise.all(
      applications.map(async (config) => [config, await BenchServer.start(config, node)] as const),
    ),
  );
  for (const { pid } of servers.values()) job.onServer(pid);
  const blast = ({ config, request }: RequestCosts) =>
    (servers.get(config) as BenchServer).blast(job.load, { ...JOBS[request], ...slice });
  const kinds = [true, false]
    .map((isRead) => costs.filter(({ request }) => READS.has(request) === isRead))
    .filter((some) => some.length > 0);
  try {
    for (const some of kinds) {
      await sleep(SETTLE_MS);
      for (let round = -warmUpRounds; round < rounds; round++) {
        for (const one of orderOfRound(some, round)) {
          const report = await blast(one);
          if (round >= 0) note(one, report);
        }
      }
    }
  } finally {
    await Promise.all(Array.from(servers.values(), (server) => server.stop()));
  }
}

function note(costs: RequestCosts, blast: Awaited<ReturnType<BenchServer['blast']>>): void {
  costs.cpuUs.at(-1)?.push(1000 * blast.cpuMsPerRequest);
  costs.perSecond.push(blast.requestsPerSecond);
  costs.p50Ms.at(-1)?.push(blast.p50Ms);
  costs.p99Ms.push(blast.p99Ms);
  costs.failed += blast.failed;
}
