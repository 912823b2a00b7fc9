import { hasReached, type Position, type Positions } from '../position.js';
import type { KnownCandidate, NodeSnapshot } from './node-snapshot.js';

/** At least one. */
export type NonEmpty<C> = readonly [C, ...C[]];

/** What the steps compare snapshots with. */
export interface Question {
  readonly positions: Positions;
  readonly floor: Position | undefined;
  readonly position: Position | undefined;
  readonly previous: string | undefined;
  /** A snapshot from before is unknown. */
  readonly seenSinceMs: number;
  /** A replica that has replayed no more than the primary had written by then is not used. */
  readonly staleSinceMs: number;
}

/** Whether every step would keep all of them: the usual case, found out in one pass. */
export function areAllReady(replicas: readonly KnownCandidate[], question: Question): boolean {
  const { positions, floor, position } = question;
  for (const replica of replicas) {
    if (!isUsable(replica) || !isFresh(replica, question)) return false;
    const have = replica.snapshot.place.position;
    if (!hasReached(positions, have, floor) || !hasReached(positions, have, position)) return false;
  }
  return true;
}

/** Those that can be expected to answer, have the floor, and cannot be too late by now. */
export function answering<C extends KnownCandidate>(
  replicas: readonly C[],
  question: Question,
): readonly C[] {
  return narrow(replicas, isAnswering, question);
}

/** Those seen lately; when there are none, all: a monitor that was held up says nothing against its node. */
export function fresh<C extends KnownCandidate>(replicas: readonly C[], question: Question): readonly C[] {
  return orAll(narrow(replicas, isFresh, question), replicas);
}

/** The usable ones; when there are none, the least lagging. */
export function withinLag<C extends KnownCandidate>(
  replicas: readonly C[],
  question: Question,
): readonly C[] {
  const usable = narrow(replicas, isUsable, question);
  return usable.length > 0 || replicas.length === 0 ? usable : leastLagging(replicas);
}

/** Those known to have the client's position. */
export function caughtUp<C extends KnownCandidate>(replicas: readonly C[], question: Question): readonly C[] {
  return question.position === undefined ? replicas : narrow(replicas, isCaughtUp, question);
}

/** Those whose last probe was answered. */
export function steady<C extends KnownCandidate>(replicas: readonly C[], question: Question): readonly C[] {
  return narrow(replicas, isSteady, question);
}

/** The replica that this unit of work used before, when it is among them. */
export function keepsPrevious<C extends KnownCandidate>(
  replicas: readonly C[],
  { previous }: Question,
): NonEmpty<C> | undefined {
  if (previous === undefined) return undefined;
  const kept = replicas.find(({ name }) => name === previous);
  return kept && [kept];
}

function isAnswering({ snapshot }: KnownCandidate, { positions, floor, staleSinceMs }: Question): boolean {
  const { seenAtMs = -Infinity, lagMs = 0, place } = snapshot;
  const hasFloor = hasReached(positions, place.position, floor);
  return canServe(snapshot) && hasFloor && seenAtMs - lagMs > staleSinceMs;
}

function isFresh({ snapshot }: KnownCandidate, { seenSinceMs }: Question): boolean {
  return (snapshot.seenAtMs ?? -Infinity) >= seenSinceMs;
}

function isSteady({ snapshot }: KnownCandidate): boolean {
  return snapshot.state !== 'suspect';
}

function isUsable({ snapshot }: KnownCandidate): boolean {
  return snapshot.state === 'usable';
}

function isCaughtUp({ snapshot }: KnownCandidate, { positions, position }: Question): boolean {
  return hasReached(positions, snapshot.place.position, position);
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

/** The least lagging one first, and with it those about as little behind, so that one replica need not serve all. */
function leastLagging<C extends KnownCandidate>(replicas: readonly C[]): readonly C[] {
  const sorted = replicas.toSorted((a, b) => lagOf(a) - lagOf(b) || 0);
  const [least] = sorted;
  const limit = least ? lagOf(least) * 1.1 + 100 : 0;
  return sorted.filter((replica) => lagOf(replica) <= limit);
}

function lagOf({ snapshot }: KnownCandidate): number {
  return snapshot.lagMs ?? Infinity;
}

/** Keeps those that pass. Answers the array it was given when that is all of them, so that the usual case copies nothing. */
function narrow<C extends KnownCandidate>(
  replicas: readonly C[],
  isKept: (replica: C, question: Question) => boolean,
  question: Question,
): readonly C[] {
  for (const replica of replicas) {
    if (!isKept(replica, question)) return replicas.filter((each) => isKept(each, question));
  }
  return replicas;
}

function orAll<C>(filtered: readonly C[], all: readonly C[]): readonly C[] {
  return filtered.length > 0 ? filtered : all;
}
