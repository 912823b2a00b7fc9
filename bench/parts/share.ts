import { compareServers, type HttpResult } from '../measure/compare-servers.js';
import type { Sizes } from '../sizes.js';

/** What routing adds to a GET, where nothing but the application itself works: its query is answered from memory. */
export function measureShare(
  { http, share }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly HttpResult[]> {
  return compareServers({
    applications: [
      { variant: 'plain', readsFromMemory: true },
      { variant: 'plain', parts: 'storage-and-guard', readsFromMemory: true },
      { variant: 'eventual', hasOneReplica: true, readsFromMemory: true },
      { variant: 'session', hasOneReplica: true, readsFromMemory: true },
    ],
    kinds: ['GET', 'GET after writing'],
    replicas: 1,
    sizes: share,
    platforms: http.platforms,
    nodes,
  });
}
