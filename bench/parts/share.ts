import type { ServerConfig } from '../app/server.js';
import { startLoadGenerator } from '../measure/load-generator.js';
import { measureRequests, type Request } from '../measure/measure-requests.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import { httpResult, versionOf, type HttpResult } from './http.js';

const APPLICATIONS: readonly Pick<ServerConfig, 'variant' | 'parts' | 'hasOneReplica'>[] = [
  { variant: 'plain' },
  { variant: 'plain', parts: 'storage-and-guard' },
  { variant: 'eventual', hasOneReplica: true },
  { variant: 'session', hasOneReplica: true },
];
const KINDS: readonly Request[] = ['GET', 'GET after writing'];

/** What routing adds to a GET, where nothing but the application itself works: its query is answered from memory. */
export async function measureShare(
  { http, share }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly HttpResult[]> {
  const cluster = await startSeededCluster(1);
  const load = startLoadGenerator();
  const results: HttpResult[] = [];
  try {
    for (const node of nodes) {
      for (const platform of http.platforms) {
        const applications = APPLICATIONS.map((one) => ({
          ...one,
          ...serversOf(cluster),
          platform,
          readsFromMemory: true,
        }));
        const costs = await measureRequests({ applications, kinds: KINDS, http: share, load, node });
        results.push(...costs.map((one) => httpResult(one, versionOf(node))));
      }
    }
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}
