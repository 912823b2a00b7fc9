import { startLoadGenerator } from '../measure/load-generator.js';
import { measureRequests, type Request } from '../measure/measure-requests.js';
import { serversOf, startSeededCluster } from '../measure/seeded-cluster.js';
import type { Sizes } from '../sizes.js';
import { httpResult, type HttpResult } from './http.js';

const VARIANTS = ['plain', 'session'] as const;
const KINDS: readonly Request[] = ['GET', 'POST'];

/** What a request costs an application which has this library, and no replicas yet, beside the plain application. */
export async function measureNoReplicas({ http }: Sizes): Promise<readonly HttpResult[]> {
  const cluster = await startSeededCluster(0);
  const load = startLoadGenerator();
  const results: HttpResult[] = [];
  try {
    for (const platform of http.platforms) {
      const applications = VARIANTS.map((variant) => ({ variant, platform, ...serversOf(cluster) }));
      const costs = await measureRequests({ applications, kinds: KINDS, http, load });
      results.push(...costs.map((one) => httpResult(one, process.version)));
    }
  } finally {
    await load.stop();
    await cluster.stop();
  }
  return results;
}
