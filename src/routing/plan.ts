import type { Position } from '../position.js';
import type { NonEmpty } from './narrow-replicas.js';
import type { Candidate } from './node-snapshot.js';
import type { IntentReason, Reason, Role, StaleCause } from './route.js';

/**
 * How a query gets its connection. The router does what it says and decides nothing itself: where it has to wait, the plan
 * names the function that it asks next.
 */
export type Plan<C extends Candidate> = SettledPlan<C> | ChooseReplica | AwaitReplicas<C> | AskReplicas<C>;

/** A plan after which nothing is decided any more, but for a permit that was waited for. */
export type SettledPlan<C extends Candidate> = LeaseReplica<C> | LeasePrimary | Unavailable;

/** Find out what the client's tokens demand, then ask `decideReplica`. */
export interface ChooseReplica {
  readonly kind: 'choose';
  /** `false`: they demand nothing, so that they need not be read. */
  readonly needsTokens: boolean;
}

/** Lease one of these replicas: the balancer picks. */
export interface LeaseReplica<C extends Candidate> {
  readonly kind: 'replica';
  readonly candidates: NonEmpty<C>;
  readonly reason: IntentReason;
  /** The position that the connection must prove, should the address hide several servers. */
  readonly mustProve: Position | undefined;
  /** What became of the client's token, to be counted; `undefined`: there is none, or it is not satisfied. */
  readonly tokenFate: 'satisfied' | 'satisfied-after-wait' | undefined;
  /** Set when the read is known not to show the client's write; to be counted. */
  readonly stale: StaleCause | undefined;
}

/** Wait until some of these replicas have replayed the position, then ask `decideAfterWait`. */
export interface AwaitReplicas<C extends Candidate> {
  readonly kind: 'wait';
  readonly candidates: NonEmpty<C>;
  readonly position: Position;
  readonly reason: 'behind-token';
  /** Who answers when none has replayed it in time: the primary, or any of these all the same (`@UseSlave()`). */
  readonly otherwise: Role;
}

/** Nothing else will do, and these were not heard of for too long: ask them, then ask `decideReplica` once more. */
export interface AskReplicas<C extends Candidate> {
  readonly kind: 'ask';
  readonly candidates: NonEmpty<C>;
}

/** Lease the primary. */
export interface LeasePrimary {
  readonly kind: 'primary';
  readonly session: 'writable' | 'read-only';
  /** The read counts against `routing.primaryFallback.maxConcurrent`. After a wait for its permit, ask `decideWithPermit`. */
  readonly needsPermit: boolean;
  readonly reason: Reason;
}

/** Fail the query; nothing was sent. */
export interface Unavailable {
  readonly kind: 'unavailable';
  /**
   * `'primary-unavailable'`: the primary is down. `'no-replica-available'`: it may not serve reads. `'unknown-group'`: the
   * handler names a group that no replica was ever in.
   */
  readonly error: 'primary-unavailable' | 'no-replica-available' | 'unknown-group';
  /** Why the primary was wanted. */
  readonly reason: Reason;
}
