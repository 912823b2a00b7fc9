import { isNonEmpty, serving, unfailed } from './narrow-replicas.js';
import type { NodeSnapshot } from './node-snapshot.js';
import type { LeasePrimary, LeaseReplica, Refusal, SettledPlan } from './plan.js';
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
  const { primary, policy, replicas } = cluster;
  if (isDown(primary.snapshot) || query.failed?.has(primary.name))
    return serveStale(query, cluster) ?? refuse('primary-unavailable', reason);
  if (!policy.allowsFallback && replicas.length > 0) return refuse('no-replica-available', reason);
  const isGuarded = policy.onReplicaWrite !== 'off';
  return { kind: 'primary', session: isGuarded ? 'read-only' : 'writable', needsPermit: isGuarded, reason };
}

/** What the query gets that asks for the primary, or for all that `routing.mode` leaves it. */
export function decidePrimary({ snapshot }: Primary, reason: Reason): LeasePrimary | Refusal {
  if (isDown(snapshot)) return refuse('primary-unavailable', reason);
  return { kind: 'primary', session: 'writable', needsPermit: false, reason };
}

/** A read has its permit after a wait, in which the primary may have gone. */
export function decideWithPermit(plan: LeasePrimary, { snapshot }: Primary): LeasePrimary | Refusal {
  return isDown(snapshot) ? refuse('primary-unavailable', plan.reason) : plan;
}

/** With `whenPrimaryDown: 'stale'`: the replicas that answer, whatever they have replayed. */
function serveStale<C extends RouteCandidate>(
  { choice, failed }: FallbackQuery,
  { policy, replicas }: ClusterView<C>,
): LeaseReplica<C> | undefined {
  if (policy.whenPrimaryDown !== 'stale') return undefined;
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

function refuse(error: Refusal['error'], reason: Reason): Refusal {
  return { kind: 'refuse', error, reason };
}
