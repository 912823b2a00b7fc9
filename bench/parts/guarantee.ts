import { compareServers, type HttpResult } from '../measure/compare-servers.js';
import type { Sizes } from '../sizes.js';

/**
 * What read-your-writes costs, beside the same application without it. Of two applications only, so that all code is
 * compiled as in a server that has run for a while.
 */
export function measureGuarantee(
  { http, guarantee }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly HttpResult[]> {
  return compareServers({
    applications: [
      { variant: 'eventual', hasOneReplica: true },
      { variant: 'session', hasOneReplica: true },
    ],
    kinds: ['GET', 'GET with a cookie', 'GET after writing', 'POST', 'POST in a transaction'],
    replicas: 1,
    sizes: guarantee,
    platforms: http.platforms,
    nodes,
  });
}
