import { ratioOfStarts, type Ratio } from '../measure/statistics.js';
import type { HttpResult } from '../measure/compare-servers.js';

/** CPU time per request against the plain application's in the same rounds. */
export function cpuTimesPlain(one: HttpResult, all: readonly HttpResult[]): Ratio {
  const plain = findLike(one, all, { variant: 'plain', request: one.request });
  return ratioOfStarts(one.cpuUs, plain?.cpuUs ?? []);
}

/** A variant and its request, with two replicas and without additions unless it says otherwise. */
export type Wanted = Pick<HttpResult, 'variant' | 'request'> &
  Partial<Pick<HttpResult, 'hasOneReplica' | 'parts'>>;

/** Another variant or request in the same surroundings. */
export function findLike(
  { node, platform }: Pick<HttpResult, 'node' | 'platform'>,
  all: readonly HttpResult[],
  { variant, request, hasOneReplica = false, parts = 'none' }: Wanted,
): HttpResult | undefined {
  return all.find(
    (one) =>
      one.node === node &&
      one.platform === platform &&
      one.parts === parts &&
      one.variant === variant &&
      one.request === request &&
      one.hasOneReplica === hasOneReplica,
  );
}
