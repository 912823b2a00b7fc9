import { hasReached, type Position } from '../position.js';
import type { Candidate, KnownCandidate, NodeSnapshot } from './node-snapshot.js';
import type { ReplicaInput, RouteCandidate, RouteTerms } from './route-input.js';

/** At least one. */
export type NonEmpty<C> = readonly [C, ...C[]];

/** What snapshots are judged by. */
export interface Judging {
  readonly cluster: {
    readonly terms: Pick<RouteTerms, 'positions' | 'floor' | 'snapshotMaxAgeMs' | 'staleAfterMs' | 'pinMs'>;
  };
  readonly nowMs: number;
}

/** Those on which the query has not failed yet. */
export function unfailed<C extends Candidate>(
  replicas: readonly C[],
  failed: ReadonlySet<string> | undefined,
): readonly C[] {
  return failed ? replicas.filter(({ name }) => !failed.has(name)) : replicas;
}

/** Those whose address leads to one server, so that what is known of its position holds for every connection. */
export function visible<C extends RouteCandidate>(replicas: readonly C[]): readonly C[] {
  return replicas.filter(({ endpoint }) => endpoint.kind === 'server');
}

/** Those whose connections stay with one of several servers, so that each can prove what it has replayed. */
export function provable<C extends RouteCandidate>(replicas: readonly C[]): readonly C[] {
  return replicas.filter(({ endpoint }) => endpoint.kind === 'per-connection');
}

/** Those that can be expected to answer. */
export function serving<C extends Candidate>(replicas: readonly C[]): readonly C[] {
  return replicas.filter(({ snapshot }) => canServe(snapshot));
}

/** Those that can be expected to answer, have the floor, and cannot be too late by now. */
export function eligible<C extends KnownCandidate>(replicas: readonly C[], judging: Judging): readonly C[] {
  return narrow(replicas, isEligible, judging);
}

/** Those seen lately; when there are none, all: a monitor that was held up says nothing against its node. */
export function fresh<C extends Candidate>(replicas: readonly C[], judging: Judging): readonly C[] {
  return orAll(narrow(replicas, isFresh, judging), replicas);
}

/** The usable ones; when there are none, the least lagging. */
export function withinLag<C extends Candidate>(replicas: readonly C[]): readonly C[] {
  const usable = narrow(replicas, isUsable, undefined);
  return usable.length > 0 || replicas.length === 0 ? usable : leastLagging(replicas);
}

/** Those known to have the client's position. */
export function caughtUp<C extends KnownCandidate>(
  replicas: readonly C[],
  { cluster }: Pick<Judging, 'cluster'>,
  position: Position | undefined,
): readonly C[] {
  if (position === undefined) return replicas;
  const { positions } = cluster.terms;
  return narrow(
    replicas,
    ({ snapshot }, need) => hasReached(positions, snapshot.place.position, need),
    position,
  );
}

/** Those known to have what was written then, by their lag. Where that is not known, time must serve. */
export function complete<C extends RouteCandidate>(
  replicas: readonly C[],
  judging: Judging,
  writtenAtMs: number,
): readonly C[] {
  return replicas.filter((replica) => hasAllOf(replica, judging, writtenAtMs));
}

export function hasAllOf(
  { snapshot, endpoint }: RouteCandidate,
  { cluster, nowMs }: Judging,
  writtenAtMs: number,
): boolean {
  // What a probe has found holds for the server that has answered it.
  const completeAtMs = endpoint.kind === 'server' ? snapshot.completeAtMs : undefined;
  return completeAtMs === undefined
    ? nowMs >= writtenAtMs + cluster.terms.pinMs
    : completeAtMs > writtenAtMs + CLOCKS_MS;
}

/** By how much the clocks of instances may differ, and the time that a probe of the primary takes. */
const CLOCKS_MS = 1_000;

/** Those that may answer as well as others, but are in doubt, or were not heard of for too long: this process may have stood still. */
export function unheard<C extends KnownCandidate>(replicas: readonly C[], judging: Judging): readonly C[] {
  return replicas.filter(
    (replica) => canServe(replica.snapshot) && !(isSteady(replica) && isRecent(replica.snapshot, judging)),
  );
}

/** Those whose last probe was answered. */
export function steady<C extends Candidate>(replicas: readonly C[]): readonly C[] {
  return narrow(replicas, isSteady, undefined);
}

/** The replica that this unit of work used before, when it is among them. */
export function keepsPrevious<C extends Candidate>(
  replicas: readonly C[],
  previous: string | undefined,
): NonEmpty<C> | undefined {
  if (previous === undefined) return undefined;
  for (const replica of replicas) if (replica.name === previous) return [replica];
  return undefined;
}

/** Those that no other one is ahead of: where a unit goes on whose replica is gone, it may show less than that least likely. */
export function mostReplayed<C extends KnownCandidate>(
  replicas: NonEmpty<C>,
  { cluster }: Pick<Judging, 'cluster'>,
): NonEmpty<C> {
  if (replicas.length === 1) return replicas;
  const { covers } = cluster.terms.positions;
  const lacks = ({ snapshot: { place: one } }: C, { snapshot: { place: other } }: C): boolean =>
    other.position !== undefined && (one.position === undefined || !covers(one.position, other.position));
  const furthest = replicas.filter(
    (replica) => !replicas.some((other) => lacks(replica, other) && !lacks(other, replica)),
  );
  return isNonEmpty(furthest) ? furthest : replicas;
}

/** Whether a unit that need not see its client's writes is not known to see them on the replica. */
export function mayMissWrites<C extends RouteCandidate>(
  replica: C,
  { choice, required, ...judging }: Judging & Pick<ReplicaInput<C>, 'choice' | 'required'>,
): boolean {
  const { position, writtenAtMs } = required;
  if (choice.ownWrites) return false;
  const { positions } = judging.cluster.terms;
  if (position !== undefined && !hasReached(positions, replica.snapshot.place.position, position))
    return true;
  return writtenAtMs !== undefined && !hasAllOf(replica, judging, writtenAtMs);
}

export function isNonEmpty<C>(replicas: readonly C[]): replicas is NonEmpty<C> {
  return replicas.length > 0;
}

function isEligible({ snapshot }: KnownCandidate, judging: Judging): boolean {
  const { positions, floor } = judging.cluster.terms;
  const hasFloor = hasReached(positions, snapshot.place.position, floor);
  return isRecent(snapshot, judging) && canServe(snapshot) && hasFloor;
}

/** Whether it cannot be too late by now, however long it was not heard of. */
function isRecent({ seenAtMs = -Infinity, lagMs = 0 }: NodeSnapshot, { cluster, nowMs }: Judging): boolean {
  return seenAtMs - lagMs > nowMs - cluster.terms.staleAfterMs;
}

function isFresh({ snapshot }: Candidate, { cluster, nowMs }: Judging): boolean {
  return (snapshot.seenAtMs ?? -Infinity) >= nowMs - cluster.terms.snapshotMaxAgeMs;
}

function isSteady({ snapshot }: Candidate): boolean {
  return snapshot.state !== 'suspect';
}

function isUsable({ snapshot }: Candidate): boolean {
  return snapshot.state === 'usable';
}

/** Whether a node can be expected to answer. */
export function canServe({ state }: NodeSnapshot): boolean {
  switch (state) {
    case 'usable':
    case 'lagging':
    case 'suspect':
      return true;
    case 'connecting':
    case 'stale':
    case 'unreachable':
    case 'misconfigured':
    case 'is-primary':
    case 'is-replica':
    case 'draining':
      return false;
    default:
      return state satisfies never;
  }
}

/** Whether a primary is known to take no writes. While nothing is known, it is asked. */
export function isDown({ state }: NodeSnapshot): boolean {
  return state === 'unreachable' || state === 'is-replica';
}

/** The least lagging one first, and with it those about as little behind, so that one replica need not serve all. */
function leastLagging<C extends Candidate>(replicas: readonly C[]): readonly C[] {
  const sorted = replicas.toSorted((a, b) => lagOf(a) - lagOf(b) || 0);
  const [least] = sorted;
  const limit = least ? lagOf(least) * 1.1 + 100 : 0;
  return sorted.filter((replica) => lagOf(replica) <= limit);
}

function lagOf({ snapshot }: Candidate): number {
  return snapshot.lagMs ?? Infinity;
}

/** Keeps those that pass. Answers the array it was given when that is all of them, so that the usual case copies nothing. */
export function narrow<C extends Candidate, By>(
  replicas: readonly C[],
  isKept: (replica: C, by: By) => boolean,
  by: By,
): readonly C[] {
  for (const replica of replicas) {
    if (!isKept(replica, by)) return replicas.filter((each) => isKept(each, by));
  }
  return replicas;
}

function orAll<C>(filtered: readonly C[], all: readonly C[]): readonly C[] {
  return filtered.length > 0 ? filtered : all;
}
