import { compareServers, type HttpResult } from '../measure/compare-servers.js';
import type { Sizes } from '../sizes.js';

/** What a request costs an application which has this library, and no replicas yet, beside the plain application. */
export function measureNoReplicas({ http }: Sizes): Promise<readonly HttpResult[]> {
  return compareServers({
    applications: [{ variant: 'plain' }, { variant: 'session' }],
    kinds: ['GET', 'POST'],
    replicas: 0,
    sizes: http,
    platforms: http.platforms,
    nodes: [undefined],
  });
}
