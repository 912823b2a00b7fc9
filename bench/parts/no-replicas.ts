import { BenchServer } from '../measure/bench-server.js';
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

/** The plain application and (d) with `replicas: []`, in alternation. */
export async function measureNoReplicas({ http }: Sizes): Promise<readonly NoReplicasResult[]> {
  const cluster = await startSeededCluster(0);
  const load = startLoadGenerator();
  const { primaryUrl } = serversOf(cluster);
  const results: NoReplicasResult[] = [];
  try {
    for (const platform of http.platforms) results.push(...(await measurePlatform(platform)));
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;

  async function measurePlatform(platform: HttpResult['platform']): Promise<readonly NoReplicasResult[]> {
    const servers = await Promise.all(
      (['plain', 'session'] as const).map((variant) =>
        BenchServer.start({ variant, platform, primaryUrl, replicaUrls: [] }),
      ),
    );
    const series = METHODS.flatMap((method) =>
      servers.map((server) => ({ server, method, cpuMs: [] as number[], failed: 0 })),
    );
    try {
      for (const one of series) await runOnce(one, http.warmUp);
      for (let round = 0; round < http.rounds; round++) {
        for (const one of orderOfRound(series, round)) {
          const { cpuMsPerRequest, failed } = await runOnce(one, http.requests);
          one.cpuMs.push(cpuMsPerRequest);
          one.failed += failed;
        }
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
    return METHODS.map((request) => {
      const [plain, session] = series.filter(({ method }) => method === request);
      const [plainMs = [], sessionMs = []] = [plain?.cpuMs, session?.cpuMs];
      return {
        platform,
        request,
        plainCpuUs: 1000 * median(plainMs),
        cpuUs: 1000 * median(sessionMs),
        cpu: ratioOf(sessionMs, plainMs),
        failed: (plain?.failed ?? 0) + (session?.failed ?? 0),
      };
    });
  }

  function runOnce({ server, method }: { server: BenchServer; method: 'GET' | 'POST' }, requests: number) {
    return server.blast(load, {
      method,
      path: PATHS[method],
      requests,
      connections: http.connections,
    });
  }
}
