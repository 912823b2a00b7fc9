/** What a server is at the moment. */
export type Role = 'primary' | 'replica';

/** What a unit of work wants: to read a replica, or to use the primary. */
export type Intent = Role;

/**
 * Why a unit of work has its intent. `'in-transaction'` is an answer of `resolveIntent` alone: a query inside a transaction
 * takes no connection of its own, so that the route of the transaction is the last one.
 */
export type IntentReason =
  | 'in-transaction'
  | 'explicit'
  | 'wrote-earlier'
  | 'changes-database'
  | 'use-slave'
  | 'rule'
  | 'read-method'
  | 'write-method'
  | 'read-operation'
  | 'write-operation'
  | 'promoted'
  | 'outside-unit';

/** Why a replica intent is served by the primary all the same. */
export type FallbackReason =
  | 'no-replicas'
  | 'no-usable-replica'
  | 'behind-token'
  | 'behind-schema'
  | 'client-wrote-recently'
  | 'mode-observe'
  | 'mode-primary-only';

/**
 * Why a query went where it went. A closed list: logs, counters, headers and tests rely on it. When each arises is said at
 * `decideRoute`, in `src/routing/decide-route.ts`.
 */
export type Reason = IntentReason | FallbackReason;

/** Why a read is knowingly served without what its client has written: `@UseSlave()`, or no primary to ask. */
export type StaleCause = 'use-slave' | 'primary-down';

/** An intent with its reason. */
export interface IntentChoice {
  readonly intent: Intent;
  readonly reason: IntentReason;
  /** For `@UseSlave({ ownWrites: true })` and undecorated reads: a token may send the read to the primary. */
  readonly ownWrites: boolean;
}

/** One choice: which server, in which role, why. */
export interface Route {
  readonly role: Role;
  /** Name of the node. */
  readonly node: string;
  readonly reason: Reason;
}
