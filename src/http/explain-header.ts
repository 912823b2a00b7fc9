import { storage } from '../context/storage.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import type { Route } from '../routing/route.js';
import { httpUnitOf } from './http-origin.js';

/** Response header that tells a developer which nodes answered, and why. */
export const ROUTE_HEADER = 'Replication-Route';

/**
 * A listener of a cluster's routes that tells them in the response's head: `replica-1; reason=read-method, primary;
 * reason=explicit`. Units inside that of a request, such as the fields of a GraphQL operation, count like itself.
 */
export function explainRoutes(cluster: string): (route: Route) => void {
  const suffix = cluster === DEFAULT_CLUSTER ? '' : `; cluster=${cluster}`;
  return ({ node, reason }) => {
    const origin = httpUnitOf(storage.getStore()?.unit)?.origin;
    if (origin && !origin.hasEnded) origin.explain(ROUTE_HEADER, `${node}; reason=${reason}${suffix}`);
  };
}
