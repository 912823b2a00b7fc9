import type { PlatformParts, Servers, Variant } from '../app/variant.js';
import { BenchServer } from '../measure/bench-server.js';
import type { Child } from '../measure/child.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { median, orderOfRound, ratioOf, type Ratio } from '../measure/statistics.js';
import type { BlastJob } from '../load/blast.js';
import type { Sizes } from '../sizes.js';

/** The kinds of request. */
export type Request = 'GET' | 'GET after writing' | 'POST' | 'POST in a transaction';

/** What one application costs per request. */
export interface HttpResult {
  readonly node: string;
  readonly platform: 'express' | 'fastify';
  readonly variant: Variant;
  readonly parts: PlatformParts;
  readonly request: Request;
  readonly cpuUs: number;
  /** CPU time per request, against the plain application in the same round. */
  readonly cpu: Ratio;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

interface Series {
  readonly server: BenchServer;
  readonly request: Request;
  readonly cpuMs: number[];
  readonly perSecond: number[];
  readonly p50Ms: number[];
  readonly p99Ms: number[];
  failed: number;
}

/** CPU time of the server's process per request, with the load made by another process. */
export async function measureHttp(
  { http, variants }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly HttpResult[]> {
  const cluster = await startSeededCluster(2);
  const load = startLoadGenerator();
  const results: HttpResult[] = [];
  try {
    for (const node of nodes) {
      for (const platform of http.platforms) {
        results.push(
          ...(await measurePlatform(platform, { http, variants, node, load, servers: serversOf(cluster) })),
        );
      }
    }
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}

interface Surroundings {
  readonly http: Sizes['http'];
  readonly variants: readonly Variant[];
  readonly node: string | undefined;
  readonly load: Child;
  readonly servers: Servers;
}

async function measurePlatform(
  platform: 'express' | 'fastify',
  { http, variants, node, load, servers }: Surroundings,
): Promise<readonly HttpResult[]> {
  const applications: readonly { variant: Variant; parts: PlatformParts }[] = [
    ...variants.map((variant) => ({ variant, parts: 'none' as const })),
    { variant: 'plain', parts: 'storage-and-guard' },
    { variant: 'plain', parts: 'storage-guard-interceptor' },
  ];
  const running = await Promise.all(
    applications.map((application) => BenchServer.start({ ...application, platform, ...servers }, node)),
  );
  try {
    const version = await running[0]?.ask<string>('version');
    const series = running.flatMap(seriesOf);
    for (const one of series) await runOnce(one, { ...http, requests: http.warmUp }, load);
    for (let round = 0; round < http.rounds; round++) {
      for (const one of orderOfRound(series, round)) note(one, await runOnce(one, http, load));
    }
    return series.map((one) => resultOf(one, series, version ?? ''));
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

/** Those between which capturing the position of a commit shows. */
const CAPTURE: ReadonlySet<Variant> = new Set(['plain', 'eventual', 'session']);

function seriesOf(server: BenchServer): Series[] {
  const { variant, parts = 'none' } = server.config;
  const requests: readonly Request[] = [
    'GET',
    'POST',
    ...(variant === 'session' ? (['GET after writing'] as const) : []),
    ...(CAPTURE.has(variant) && parts === 'none' ? (['POST in a transaction'] as const) : []),
  ];
  return requests.map((request) => ({
    server,
    request,
    cpuMs: [],
    perSecond: [],
    p50Ms: [],
    p99Ms: [],
    failed: 0,
  }));
}

const JOBS: Readonly<Record<Request, Pick<BlastJob, 'method' | 'path' | 'writeFirst'>>> = {
  GET: { method: 'GET', path: '/notes/1' },
  'GET after writing': { method: 'GET', path: '/notes/1', writeFirst: '/notes' },
  POST: { method: 'POST', path: '/notes' },
  'POST in a transaction': { method: 'POST', path: '/notes/saved' },
};

type Blast = Awaited<ReturnType<BenchServer['blast']>>;

function runOnce({ server, request }: Series, http: Sizes['http'], load: Child): Promise<Blast> {
  const { requests, connections } = http;
  return server.blast(load, { ...JOBS[request], requests, connections });
}

function note(series: Series, { cpuMsPerRequest, requestsPerSecond, p50Ms, p99Ms, failed }: Blast): void {
  series.cpuMs.push(cpuMsPerRequest);
  series.perSecond.push(requestsPerSecond);
  series.p50Ms.push(p50Ms);
  series.p99Ms.push(p99Ms);
  series.failed += failed;
}

function resultOf(series: Series, all: readonly Series[], node: string): HttpResult {
  const { server, request, cpuMs, perSecond, p50Ms, p99Ms, failed } = series;
  const { platform, variant, parts = 'none' } = server.config;
  const compared = request === 'GET after writing' ? 'GET' : request;
  const plain = all.find(
    (other) =>
      other.request === compared &&
      other.server.config.variant === 'plain' &&
      other.server.config.parts === 'none',
  );
  return {
    node,
    platform,
    variant,
    parts,
    request,
    cpuUs: 1000 * median(cpuMs),
    cpu: ratioOf(cpuMs, plain?.cpuMs ?? []),
    requestsPerSecond: median(perSecond),
    p50Ms: median(p50Ms),
    p99Ms: median(p99Ms),
    failed,
  };
}
