import { isNonEmpty, serving, unfailed } from './narrow-replicas.js';
import type { NodeSnapshot } from './node-snapshot.js';
import type { LeasePrimary, LeaseReplica, Unavailable, SettledPlan } from './plan.js';
import type { ClusterView, RouteCandidate, RouteQuery } from './route-input.js';
import type { FallbackReason, Reason } from './route.js';

/** Of a query, what its fall-back depends on. */
export type FallbackQuery = Pick<RouteQuery, 'choice' | 'failed'>;

type Primary = ClusterView<RouteCandidate>['primary'];

/** What a replica intent gets that no replica may serve: as much of the primary as the options allow. */
export function decideFallback<C extends RouteCandidate>(
  query: FallbackQuery,
  cluster: ClusterView<C>,
  reason: FallbackReason,
): SettledPlan<C> {
  const { primary, terms, replicas } = cluster;
  if (isDown(primary.snapshot) || query.failed?.has(primary.name))
    return serveStale(query, cluster) ?? unavailable('primary-unavailable', reason);
  if (!terms.allowsFallback && replicas.length > 0) return unavailable('no-replica-available', reason);
  const isGuarded = terms.onReplicaWrite !== 'off';
  return { kind: 'primary', session: isGuarded ? 'read-only' : 'writable', needsPermit: isGuarded, reason };
}

/** What the query gets that asks for the primary, or for all that `routing.mode` and `routing.share` leave it. */
export function decidePrimary({ snapshot }: Primary, reason: Reason): LeasePrimary | Unavailable {
  if (isDown(snapshot)) return unavailable('primary-unavailable', reason);
  return { kind: 'primary', session: 'writable', needsPermit: false, reason };
}

/** A read has its permit after a wait, in which the primary may have gone. */
export function decideWithPermit(plan: LeasePrimary, { snapshot }: Primary): LeasePrimary | Unavailable {
  return isDown(snapshot) ? unavailable('primary-unavailable', plan.reason) : plan;
}

/** With `whenPrimaryDown: 'stale'`: the replicas that answer, whatever they have replayed. */
function serveStale<C extends RouteCandidate>(
  { choice, failed }: FallbackQuery,
  { terms, replicas }: ClusterView<C>,
): LeaseReplica<C> | undefined {
  if (terms.whenPrimaryDown !== 'stale') return undefined;
  const candidates = serving(unfailed(replicas, failed));
  if (!isNonEmpty(candidates)) return undefined;
  const { reason } = choice;
  const stale = 'primary-down';
  return { kind: 'replica', candidates, reason, mustProve: undefined, tokenFate: undefined, stale };
}

/** Whether the primary is known to take no writes. While nothing is known, it is asked. */
function isDown({ state }: NodeSnapshot): boolean {
  return state === 'unreachable' || state === 'is-replica';
}

function unavailable(error: Unavailable['error'], reason: Reason): Unavailable {
  return { kind: 'unavailable', error, reason };
}
