import { isDown, isNonEmpty, serving, unfailed } from './narrow-replicas.js';
import { hasPlace, nearest, ofGroup } from './place-reads.js';
import type { AwaitReplicas, LeasePrimary, LeaseReplica, Unavailable, SettledPlan } from './plan.js';
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
  const { primary, terms } = cluster;
  if (isDown(primary.snapshot) || query.failed?.has(primary.name))
    return serveStale(query, cluster) ?? unavailable('primary-unavailable', reason);
  if (!terms.allowsFallback && hasPlace(cluster, query.choice))
    return unavailable('no-replica-available', reason);
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

/** What follows on a wait: `replayed` are those that have replayed the position by now. */
export function decideAfterWait<C extends RouteCandidate>(
  { plan, replayed }: { readonly plan: AwaitReplicas<C>; readonly replayed: readonly C[] },
  query: FallbackQuery,
  cluster: ClusterView<C>,
): SettledPlan<C> {
  const { reason, ownWrites } = query.choice;
  if (isNonEmpty(replayed)) {
    const { zone } = cluster.terms;
    const near = zone === undefined ? replayed : nearest(replayed, zone);
    const mustProve = ownWrites ? plan.position : undefined;
    const tokenFate = 'satisfied-after-wait';
    return { kind: 'replica', candidates: near, reason, mustProve, tokenFate, stale: undefined };
  }
  if (plan.otherwise === 'primary') return decideFallback(query, cluster, 'behind-token');
  const { candidates } = plan;
  const stale = 'use-slave';
  return { kind: 'replica', candidates, reason, mustProve: undefined, tokenFate: undefined, stale };
}

/** With `whenPrimaryDown: 'stale'`: the replicas that answer, whatever they have replayed. */
function serveStale<C extends RouteCandidate>(
  { choice, failed }: FallbackQuery,
  cluster: ClusterView<C>,
): LeaseReplica<C> | undefined {
  const { whenPrimaryDown, zone } = cluster.terms;
  if (whenPrimaryDown !== 'stale') return undefined;
  const alive = serving(unfailed(ofGroup(cluster, choice), failed));
  if (!isNonEmpty(alive)) return undefined;
  const candidates = zone === undefined ? alive : nearest(alive, zone);
  const { reason } = choice;
  const stale = 'primary-down';
  return { kind: 'replica', candidates, reason, mustProve: undefined, tokenFate: undefined, stale };
}

function unavailable(error: Unavailable['error'], reason: Reason): Unavailable {
  return { kind: 'unavailable', error, reason };
}
