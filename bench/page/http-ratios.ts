import { ratioOf, type Ratio } from '../measure/statistics.js';
import type { HttpResult } from '../parts/http.js';

/** CPU time per request against the plain application's in the same rounds. */
export function cpuTimesPlain(one: HttpResult, all: readonly HttpResult[]): Ratio {
  const request = one.request === 'GET after writing' ? 'GET' : one.request;
  const plain = findLike(one, all, { variant: 'plain', request });
  return ratioOf(one.cpuUs, plain?.cpuUs ?? []);
}

/** Another variant or request in the same surroundings, without additions. */
export function findLike(
  { node, platform }: Pick<HttpResult, 'node' | 'platform'>,
  all: readonly HttpResult[],
  wanted: Pick<HttpResult, 'variant' | 'request'>,
): HttpResult | undefined {
  return all.find(
    (one) =>
      one.node === node &&
      one.platform === platform &&
      one.parts === 'none' &&
      one.variant === wanted.variant &&
      one.request === wanted.request,
  );
}
