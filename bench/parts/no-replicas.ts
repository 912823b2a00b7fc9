import { BenchServer } from '../measure/bench-server.js';
import type { Child } from '../measure/child.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { median, orderOfRound, ratioOf, type Ratio } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';
import type { HttpResult } from './http.js';

/** What a request costs an application which has this library, and no replicas yet. */
export interface NoReplicasResult {
  readonly platform: HttpResult['platform'];
  readonly request: 'GET' | 'POST';
  readonly plainCpuUs: number;
  readonly cpuUs: number;
  /** CPU time per request, against the plain application in the same round. */
  readonly cpu: Ratio;
  readonly failed: number;
}

const PATHS = { GET: '/notes/1', POST: '/notes' } as const;
const METHODS = ['GET', 'POST'] as const;
const COMPARED = ['plain', 'session'] as const;

interface Surroundings {
  readonly http: Sizes['http'];
  readonly load: Child;
  readonly primaryUrl: string;
}

interface Series {
  readonly server: BenchServer;
  readonly method: (typeof METHODS)[number];
  readonly cpuMs: number[];
  failed: number;
}

/** The plain application and (d) with `replicas: []`, in alternation. */
export async function measureNoReplicas({ http }: Sizes): Promise<readonly NoReplicasResult[]> {
  const cluster = await startSeededCluster(0);
  const load = startLoadGenerator();
  const { primaryUrl } = serversOf(cluster);
  const results: NoReplicasResult[] = [];
  try {
    for (const platform of http.platforms)
      results.push(...(await measurePlatform(platform, { http, load, primaryUrl })));
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}

async function measurePlatform(
  platform: HttpResult['platform'],
  { http, load, primaryUrl }: Surroundings,
): Promise<readonly NoReplicasResult[]> {
  const servers = await Promise.all(
    COMPARED.map((variant) => BenchServer.start({ variant, platform, primaryUrl, replicaUrls: [] })),
  );
  const series = METHODS.flatMap((method) =>
    servers.map((server): Series => ({ server, method, cpuMs: [], failed: 0 })),
  );
  try {
    for (const one of series) await runOnce(one, { ...http, requests: http.warmUp }, load);
    for (let round = 0; round < http.rounds; round++) {
      for (const one of orderOfRound(series, round)) {
        const { cpuMsPerRequest, failed } = await runOnce(one, http, load);
        one.cpuMs.push(cpuMsPerRequest);
        one.failed += failed;
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  return METHODS.map((request) => resultOf(platform, request, series));
}

function runOnce({ server, method }: Series, { requests, connections }: Sizes['http'], load: Child) {
  return server.blast(load, { method, path: PATHS[method], requests, connections });
}

function resultOf(
  platform: HttpResult['platform'],
  request: Series['method'],
  all: readonly Series[],
): NoReplicasResult {
  const [plain, session] = COMPARED.map((variant) =>
    all.find(({ server, method }) => server.config.variant === variant && method === request),
  );
  const [plainMs = [], sessionMs = []] = [plain?.cpuMs, session?.cpuMs];
  return {
    platform,
    request,
    plainCpuUs: 1000 * median(plainMs),
    cpuUs: 1000 * median(sessionMs),
    cpu: ratioOf(sessionMs, plainMs),
    failed: (plain?.failed ?? 0) + (session?.failed ?? 0),
  };
}
