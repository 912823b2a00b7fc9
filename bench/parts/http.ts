import { compareServers, type HttpResult } from '../measure/compare-servers.js';
import type { Sizes } from '../sizes.js';

/** What requests cost each variant, those of the platform's own share included. */
export function measureHttp(
  { http, variants }: Sizes,
  nodes: readonly (string | undefined)[],
): Promise<readonly HttpResult[]> {
  return compareServers({
    applications: [
      ...variants.map((variant) => ({ variant })),
      { variant: 'session', hasOneReplica: true },
      { variant: 'typeorm-replication', hasOneReplica: true },
      { variant: 'plain', parts: 'storage-and-guard' },
      { variant: 'plain', parts: 'storage-guard-interceptor' },
    ],
    // The same of all: a process that answers more, or more kinds, is compiled better, whatever it is made of.
    kinds: ['GET', 'GET after writing', 'POST', 'POST in a transaction'],
    replicas: 2,
    sizes: http,
    platforms: http.platforms,
    nodes,
  });
}
