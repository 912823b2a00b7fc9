import { execFileSync } from 'node:child_process';
import type { ServerConfig } from '../app/server.js';
import type { PlatformParts, Variant } from '../app/variant.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { measureRequests, type Request, type RequestCosts } from '../measure/measure-requests.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import { median, rounded } from '../measure/statistics.js';
import type { Sizes } from '../sizes.js';

/** What one kind of request costs one application. */
export interface HttpResult {
  readonly node: string;
  readonly platform: ServerConfig['platform'];
  readonly variant: Variant;
  readonly parts: PlatformParts;
  readonly hasOneReplica: boolean;
  readonly request: Request;
  /** CPU time of the server's process per request, of each round. */
  readonly cpuUs: readonly number[];
  /** Of each round. */
  readonly p50Ms: readonly number[];
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
        const costs = await measureRequests({ applications, requestsOf, http, load, node });
        results.push(...costs.map((one) => httpResult(one, versionOf(node))));
      }
    }
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}

function versionOf(node = process.execPath): string {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}

function applicationsOf(
  variants: readonly Variant[],
): readonly Pick<ServerConfig, 'variant' | 'parts' | 'answers' | 'hasOneReplica'>[] {
  return [
    ...variants.map((variant) => ({ variant, parts: 'none' as const })),
    // A process of its own: one that answers more requests than the others is compiled better.
    { variant: 'session', answers: 'clients who have written' },
    { variant: 'session', hasOneReplica: true },
    { variant: 'typeorm-replication', hasOneReplica: true },
    { variant: 'plain', parts: 'storage-and-guard' },
    { variant: 'plain', parts: 'storage-guard-interceptor' },
  ];
}

/** Those between which capturing the position of a commit shows. */
const CAPTURE: ReadonlySet<Variant> = new Set(['plain', 'eventual', 'session']);

function requestsOf({ variant, parts = 'none', answers, hasOneReplica }: ServerConfig): readonly Request[] {
  if (answers) return ['GET after writing'];
  if (hasOneReplica) return ['GET'];
  return [
    'GET',
    'POST',
    ...(CAPTURE.has(variant) && parts === 'none' ? (['POST in a transaction'] as const) : []),
  ];
}

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
    cpuUs: cpuUs.map((value) => rounded(value, 1)),
    p50Ms: p50Ms.map((value) => rounded(value, 3)),
    p99Ms: median(p99Ms),
    requestsPerSecond: median(perSecond),
    failed,
  };
}
