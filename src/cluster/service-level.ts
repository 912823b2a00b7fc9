import { canServe } from '../routing/narrow-replicas.js';
import type { RouteTerms } from '../routing/route-input.js';
import type { RoutingMode } from '../options/options.js';
import type { NodeSnapshot, NodeState } from '../routing/node-snapshot.js';

/** What a cluster can do now, as far as its snapshots tell. */
export interface ServiceLevel {
  /** Whether some node may serve reads of replica intent. */
  readonly reads: boolean;
  /** Whether the primary takes writes. */
  readonly writes: boolean;
  /** How many replicas may serve reads; of those in groups only where all are. */
  readonly replicas: number;
}

/** What a cluster's level of service is judged by. */
export interface ServiceSource {
  readonly mode: RoutingMode;
  readonly primary: NodeSnapshot;
  readonly replicas: readonly NodeSnapshot[];
  readonly terms: Pick<RouteTerms, 'allowsFallback'>;
}

/** Judges by snapshots alone: asks no server. */
export function serviceLevelOf({ mode, primary, replicas, terms }: ServiceSource): ServiceLevel {
  const writes = !UNWRITABLE.has(primary.state);
  const ordinary = replicas.filter(({ group }) => group === undefined);
  const serving = (ordinary.length > 0 ? ordinary : replicas).filter(canServe).length;
  const byPrimary = writes && (terms.allowsFallback || mode !== 'route');
  return { reads: (mode === 'route' && serving > 0) || byPrimary, writes, replicas: serving };
}

/** Of a primary that was never seen nothing is known yet; a doubt is not a fault. */
const UNWRITABLE: ReadonlySet<NodeState> = new Set([
  'connecting',
  'unreachable',
  'misconfigured',
  'is-replica',
  'draining',
]);
