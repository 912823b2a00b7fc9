import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import { beforeHead } from './before-head.js';
import type { UnitListener } from './unit-of-work.middleware.js';

/** Response header that tells a developer which node answered, and why. */
export const ROUTE_HEADER = 'Replication-Route';

/** Adds the last route of each unit to its response: `replica-1; reason=read-method`. */
export function explainRoutes(clusters: readonly string[]): UnitListener {
  return (unit, { response }) =>
    beforeHead(response, () => {
      const routes = clusters.flatMap((name) => {
        const route = unit.on(name).route;
        const suffix = name === DEFAULT_CLUSTER ? '' : `; cluster=${name}`;
        return route ? [`${route.node}; reason=${route.reason}${suffix}`] : [];
      });
      if (routes.length > 0) response.setHeader(ROUTE_HEADER, routes.join(', '));
    });
}
