import {
  answering,
  areAllReady,
  caughtUp,
  fresh,
  keepsPrevious,
  steady,
  withinLag,
  type NonEmpty,
  type Question,
} from './narrow-replicas.js';
import type { Position, Positions } from '../position.js';
import type { KnownCandidate } from './node-snapshot.js';
import type { FallbackReason, IntentChoice, IntentReason, Role } from './route.js';

/** What a client needs of the server that answers it. */
export interface Requirement {
  /** The replica must have replayed it. */
  readonly position?: Position | undefined;
  /** Until then the primary answers, in ms of the cluster's clock. */
  readonly pinnedUntilMs?: number | undefined;
}

/** The options that decide. */
export interface RoutePolicy {
  /** A snapshot older than this is unknown: three intervals of the monitor. */
  readonly snapshotMaxAgeMs: number;
  /** A replica that may be behind by more is not used: its last known lag, and the time since then. */
  readonly staleAfterMs: number;
  /** The primary's position at start-up: no replica is read before it is known to have it. `undefined`: passed by all. */
  readonly floor?: Position | undefined;
  readonly positions: Positions;
}

/** Everything that one decision depends on. */
export interface RouteInput<C extends KnownCandidate> {
  readonly choice: IntentChoice;
  readonly required: Requirement;
  /** Name of the replica that this unit of work used before. */
  readonly previous?: string | undefined;
  readonly replicas: readonly C[];
  readonly policy: RoutePolicy;
  readonly nowMs: number;
}

/**
 * Who may answer.
 *
 * - `primary`: the primary;
 * - `replica`: any of the candidates;
 * - `behind`: the candidates can be used, but are not known to have the position yet: ask them, or wait. In vain?
 *   `otherwise` says who answers then: the primary, or any of the candidates all the same (`@UseSlave()`).
 *
 * Whether the primary may serve a read that no replica can is not asked here.
 */
export type Decision<C extends KnownCandidate> =
  | { readonly role: 'primary'; readonly reason: IntentReason | FallbackReason }
  | { readonly role: 'replica'; readonly candidates: NonEmpty<C>; readonly reason: IntentReason }
  | {
      readonly role: 'behind';
      readonly candidates: NonEmpty<C>;
      readonly reason: 'behind-token';
      readonly otherwise: Role;
    };

/** Decides who may answer a query. */
export function decideRoute<C extends KnownCandidate>(input: RouteInput<C>): Decision<C> {
  const reason = reasonForPrimary(input);
  return reason === undefined ? decideReplica(input) : { role: 'primary', reason };
}

/** Why the primary answers, whatever the state of the replicas. */
function reasonForPrimary(input: RouteInput<KnownCandidate>): IntentReason | FallbackReason | undefined {
  const { choice, required, replicas, nowMs } = input;
  if (choice.intent === 'primary') return choice.reason;
  if (replicas.length === 0) return 'no-replicas';
  // The pin stands for a position that nobody knows: only the primary can satisfy it.
  const isPinned = choice.ownWrites && (required.pinnedUntilMs ?? -Infinity) > nowMs;
  return isPinned ? 'client-wrote-recently' : undefined;
}

function decideReplica<C extends KnownCandidate>(input: RouteInput<C>): Decision<C> {
  const { choice, replicas } = input;
  const question = questionOf(input);
  if (!isNonEmpty(replicas) || !areAllReady(replicas, question)) return narrowDown(input, question);
  return {
    role: 'replica',
    candidates: keepsPrevious(replicas, question) ?? replicas,
    reason: choice.reason,
  };
}

function narrowDown<C extends KnownCandidate>(input: RouteInput<C>, question: Question): Decision<C> {
  const { reason } = input.choice;
  const alive = answering(input.replicas, question);
  const same = sameAsBefore(alive, input, question);
  if (same) return { role: 'replica', candidates: same, reason };

  const best = withinLag(fresh(alive, question), question);
  if (!isNonEmpty(best)) return { role: 'primary', reason: 'no-usable-replica' };
  const candidates = caughtUp(best, question);
  if (!isNonEmpty(candidates)) {
    const otherwise = input.choice.ownWrites ? 'primary' : 'replica';
    return { role: 'behind', candidates: best, reason: 'behind-token', otherwise };
  }
  return { role: 'replica', candidates: keepsPrevious(candidates, question) ?? candidates, reason };
}

/**
 * The replica that this unit used before, even if others are better by now, as long as it answers. A unit that need
 * not see its client's writes has waited for them once, at its first query.
 */
function sameAsBefore<C extends KnownCandidate>(
  alive: readonly C[],
  { choice }: RouteInput<C>,
  question: Question,
): NonEmpty<C> | undefined {
  if (question.previous === undefined) return undefined;
  const candidates = steady(alive, question);
  return keepsPrevious(choice.ownWrites ? caughtUp(candidates, question) : candidates, question);
}

function questionOf({ required, previous, policy, nowMs }: RouteInput<KnownCandidate>): Question {
  return {
    positions: policy.positions,
    floor: policy.floor,
    position: required.position,
    previous,
    seenSinceMs: nowMs - policy.snapshotMaxAgeMs,
    staleSinceMs: nowMs - policy.staleAfterMs,
  };
}

function isNonEmpty<C>(candidates: readonly C[]): candidates is NonEmpty<C> {
  return candidates.length > 0;
}
