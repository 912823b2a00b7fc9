import { execFileSync } from 'node:child_process';
import type { ServerConfig } from '../app/server.js';
import type { PlatformParts, Variant } from '../app/variant.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { measureRequests, type Request, type RequestCosts } from '../measure/measure-requests.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { median, rounded, type Starts } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** What one kind of request costs one application. */
export interface HttpResult {
  readonly node: string;
  readonly platform: ServerConfig['platform'];
  readonly variant: Variant;
  readonly parts: PlatformParts;
  readonly hasOneReplica: boolean;
  readonly request: Request;
  /** CPU time of the server's process per request. */
  readonly cpuUs: Starts;
  readonly p50Ms: Starts;
  readonly p99Ms: number;
  readonly requestsPerSecond: number;
  readonly failed: number;
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
        const { primaryUrl, replicaUrls } = serversOf(cluster);
        const applications = applicationsOf(variants).map((one) => ({
          ...one,
          platform,
          primaryUrl,
          replicaUrls: one.hasOneReplica ? replicaUrls.slice(0, 1) : replicaUrls,
        }));
        const costs = await measureRequests({ applications, kinds: KINDS, http, load, node });
        results.push(...costs.map((one) => httpResult(one, versionOf(node))));
      }
    }
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}

export function versionOf(node = process.execPath): string {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}

function applicationsOf(
  variants: readonly Variant[],
): readonly Pick<ServerConfig, 'variant' | 'parts' | 'hasOneReplica'>[] {
  return [
    ...variants.map((variant) => ({ variant, parts: 'none' as const })),
    { variant: 'session', hasOneReplica: true },
    { variant: 'typeorm-replication', hasOneReplica: true },
    { variant: 'plain', parts: 'storage-and-guard' },
    { variant: 'plain', parts: 'storage-guard-interceptor' },
  ];
}

/** The same of all: a process that answers more, or more kinds, is compiled better, whatever it is made of. */
const KINDS: readonly Request[] = ['GET', 'GET after writing', 'POST', 'POST in a transaction'];

/** As results are kept: raw where ratios are made of it. */
export function httpResult(costs: RequestCosts, node: string): HttpResult {
  const { config, request, cpuUs, p50Ms, p99Ms, perSecond, failed } = costs;
  const { platform, variant, parts = 'none', hasOneReplica = false } = config;
  return {
    node,
    platform,
    variant,
    parts,
    hasOneReplica,
    request,
    cpuUs: cpuUs.map((rounds) => rounds.map((value) => rounded(value, 1))),
    p50Ms: p50Ms.map((rounds) => rounds.map((value) => rounded(value, 3))),
    p99Ms: median(p99Ms),
    requestsPerSecond: median(perSecond),
    failed,
  };
}
