import type { ServerConfig } from '../app/server.js';
import type { PlatformParts, Servers, Variant } from '../app/variant.js';
import type { Sizes } from '../sizes.js';
import { versionOfNode } from './describe-machine.js';
import { startLoadGenerator } from './load-generator.js';
import {
  measureRequests,
  type Request,
  type RequestCosts,
  type RequestsJob,
  type RequestSizes,
} from './measure-requests.js';
import { withOwnProcessor } from './own-processor.js';
import { serversOf, startSeededCluster } from './seeded-cluster.js';
import { median, rounded, type Starts } from './statistics.js';

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
  /** The server's process had a processor of its own, and everything else the others. */
  readonly hasOwnProcessor?: boolean;
}

/** Applications that are compared, on every platform and Node. */
export interface Comparison {
  readonly applications: readonly Pick<
    ServerConfig,
    'variant' | 'parts' | 'hasOneReplica' | 'readsFromMemory'
  >[];
  readonly kinds: readonly Request[];
  /** Of the cluster. */
  readonly replicas: number;
  readonly sizes: RequestSizes;
  readonly platforms: Sizes['http']['platforms'];
  /** Paths of Node binaries; `undefined`: this one. */
  readonly nodes: readonly (string | undefined)[];
}

/** CPU time of the servers' processes per request, with the load made by another process. */
export function compareServers(comparison: Comparison): Promise<readonly HttpResult[]> {
  return withOwnProcessor(async ({ exists, give }) => {
    const cluster = await startSeededCluster(comparison.replicas);
    const load = startLoadGenerator();
    try {
      const costs = await compareOn(serversOf(cluster), { ...comparison, load, onServer: give });
      return costs.map((one) => ({ ...one, hasOwnProcessor: exists }));
    } finally {
      await load.stop();
      await cluster.stop();
    }
  });
}

async function compareOn(
  { primaryUrl, replicaUrls }: Servers,
  { nodes, platforms, ...comparison }: Comparison & Pick<RequestsJob, 'load' | 'onServer'>,
): Promise<readonly HttpResult[]> {
  const results: HttpResult[] = [];
  for (const node of nodes) {
    for (const platform of platforms) {
      const applications = comparison.applications.map((one) => ({
        ...one,
        platform,
        primaryUrl,
        replicaUrls: one.hasOneReplica ? replicaUrls.slice(0, 1) : replicaUrls,
      }));
      const costs = await measureRequests({ ...comparison, applications, node });
      results.push(...costs.map((one) => httpResult(one, versionOfNode(node))));
    }
  }
  return results;
}

/** As results are kept: raw where ratios are made of it. */
function httpResult(costs: RequestCosts, node: string): HttpResult {
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
