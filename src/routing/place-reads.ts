import { canServe, isDown, isNonEmpty, narrow, type NonEmpty } from './narrow-replicas.js';
import type { Candidate } from './node-snapshot.js';
import type { ClusterView, RouteCandidate } from './route-input.js';
import type { IntentChoice } from './route.js';

type Placement = Pick<IntentChoice, 'group' | 'maxLagMs'>;

/** Whether no replica was ever in the group, here or on another cluster of the application, nor can come to be. */
export function isUnknownGroup(group: string, cluster: ClusterView<RouteCandidate>): boolean {
  return cluster.replicas.length > 0 && !cluster.knownGroups.has(group) && !cluster.terms.mayDiscover;
}

/** Those that are meant for the read: of its group, or of none. A group of another cluster's replicas says nothing here. */
export function ofGroup<C extends RouteCandidate>(
  { replicas, groups, knownGroups }: ClusterView<C>,
  { group }: Placement,
): readonly C[] {
  const isElsewhere = group !== undefined && !groups.has(group) && knownGroups.has(group);
  return narrow(replicas, isOfGroup, isElsewhere ? undefined : group);
}

/** Whether some replica is, or was, meant for the read: where none is, the primary is its place. */
export function hasPlace(cluster: ClusterView<RouteCandidate>, { group }: Placement): boolean {
  if (group !== undefined && cluster.groups.has(group)) return true;
  return cluster.replicas.some((replica) => isOfGroup(replica, undefined));
}

/** Those known to be no staler than the read may be. When none of them answers anyway, all: then it is not for their age. */
export function noStaler<C extends RouteCandidate>(
  replicas: readonly C[],
  { choice, cluster, nowMs }: { choice: Placement; cluster: ClusterView<C>; nowMs: number },
): readonly C[] {
  const { maxLagMs = Infinity } = choice;
  const isPrimaryDown = isDown(cluster.primary.snapshot);
  const recent = replicas.filter((replica) => nowMs - knownAtMs(replica, isPrimaryDown) <= maxLagMs);
  return replicas.some(({ snapshot }) => canServe(snapshot)) ? recent : replicas;
}

/** Those of the zone; when there are none, all. */
export function nearest<C extends Candidate>(replicas: NonEmpty<C>, zone: string): NonEmpty<C> {
  const near = narrow(replicas, isIn, zone);
  return isNonEmpty(near) ? near : replicas;
}

/**
 * A replica has all that the primary had then, as far as is known. While the primary is down, and writes nothing, its last
 * known lag tells: it does not age with what nobody can ask.
 */
function knownAtMs({ snapshot, endpoint }: RouteCandidate, isPrimaryDown: boolean): number {
  const { completeAtMs, lagMs = Infinity, seenAtMs = -Infinity } = snapshot;
  // What a probe has found holds for the server that has answered it.
  if (endpoint.kind !== 'server' || completeAtMs === -Infinity) return -Infinity;
  const byLag = seenAtMs - lagMs;
  return isPrimaryDown ? Math.max(completeAtMs ?? byLag, byLag) : (completeAtMs ?? byLag);
}

function isOfGroup({ snapshot }: Candidate, group: string | undefined): boolean {
  return snapshot.group === group;
}

function isIn({ snapshot }: Candidate, zone: string): boolean {
  return snapshot.zone === zone;
}
