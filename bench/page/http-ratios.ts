import { ratioOfStarts, type Ratio } from '../measure/statistics.js';
import type { HttpResult } from '../parts/http.js';

/** CPU time per request against the plain application's in the same rounds. */
export function cpuTimesPlain(one: HttpResult, all: readonly HttpResult[]): Ratio {
  const plain = findLike(one, all, { variant: 'plain', request: one.request });
  return ratioOfStarts(one.cpuUs, plain?.cpuUs ?? []);
}

/** A variant and its request, with two replicas unless it says one. */
export type Wanted = Pick<HttpResult, 'variant' | 'request'> & Partial<Pick<HttpResult, 'hasOneReplica'>>;

/** Another variant or request in the same surroundings, without additions. */
export function findLike(
  { node, platform }: Pick<HttpResult, 'node' | 'platform'>,
  all: readonly HttpResult[],
  { variant, request, hasOneReplica = false }: Wanted,
): HttpResult | undefined {
  return all.find(
    (one) =>
      one.node === node &&
      one.platform === platform &&
      one.parts === 'none' &&
      one.variant === variant &&
      one.request === request &&
      one.hasOneReplica === hasOneReplica,
  );
}
