/** What a server is at the moment. */
export type Role = 'primary' | 'replica';

/** What a unit of work wants: to read a replica, or to use the primary. */
export type Intent = Role;

/**
 * Why a query has its intent: of those that hold, the first counts. Set by `resolve-intent.ts`, where the rules of
 * precedence are; the other file is named where there is one.
 */
export type IntentReason =
  /** Inside a transaction. Of `resolveIntent` alone: such a query takes no connection of its own, so no route has it. */
  | 'in-transaction'
  /** A block or view in code: `usePrimary()`, `useReplica()`, `.primary`, `.replica`. */
  | 'explicit'
  /** Primary: the unit of work has written on this cluster. */
  | 'wrote-earlier'
  /**
   * Primary: the unit, or an earlier one of its handler, wrote under a replica intent (`onReplicaWrite: 'promote'`), or
   * writes after its handler has ended. The write itself is moved by `typeorm/replica-write-policy.ts`.
   */
  | 'promoted'
  /** Primary: `@ChangesDatabase()`. */
  | 'changes-database'
  /** Replica: `@UseSlave()`. */
  | 'use-slave'
  /** Either: `routing.rules`. */
  | 'rule'
  /** Replica: an HTTP method of `routing.readMethods`. */
  | 'read-method'
  /** Primary: any other HTTP method. */
  | 'write-method'
  /** Replica: a GraphQL query. */
  | 'read-operation'
  /** Primary: a GraphQL mutation or subscription. */
  | 'write-operation'
  /** Primary: nothing says more. Messages, cron, scripts, start-up, `outside()`, middleware of `main.ts`. */
  | 'outside-unit';

/**
 * Why a query of replica intent gets the primary all the same, in the order in which this is looked at. Set by
 * `decide-route.ts`; the other file is named where there is one.
 *
 * But for the modes and the share, the primary serves `primaryFallback.maxConcurrent` of these at a time, or none: then the
 * refusal carries the reason (`decide-fallback.ts`). While the primary is down all are refused; with
 * `whenPrimaryDown: 'stale'`, but for the modes and the share, a replica serves them, for the reason of the intent.
 *
 * What a unit of work has read from the primary so keeps its later reads there while the fall-back has room, for the same reason
 * (`cluster/routing/fallback-permits.ts`); not after `'behind-schema'` and `'empty-answer'`, which are of
 * one query, nor for the modes and the share.
 */
export type FallbackReason =
  /** `routing.mode: 'observe'` sends everything there. */
  | 'mode-observe'
  /** `routing.mode: 'primary-only'` does. */
  | 'mode-primary-only'
  /** The client is outside of `routing.share` (`lotOf` in `client-affinity.ts`). */
  | 'outside-share'
  /**
   * A replica has failed this query with an unknown table, column or function, or with an unlogged table
   * (`recover` in `typeorm/session-recovery.ts`).
   */
  | 'behind-schema'
  /** A conflict with recovery has ended this query on a replica, and could on the others (`recover`, the same). */
  | 'recovery-conflict'
  /** A replica had no row for a look-up by `.orPrimary`, and may only not have it yet (`typeorm/or-primary.ts`). */
  | 'empty-answer'
  /** The cluster has none. */
  | 'no-replicas'
  | TokenReason
  /** Its handler wants data no older than `maxLagMs`, and no replica is known to have them (`@UseReplica({ maxLagMs })`). */
  | 'too-stale'
  /** Those that could serve have not replayed what the primary had written at start-up. */
  | 'behind-start'
  /**
   * Each one has failed this query, does not answer, was not seen for too long, is draining, is not what the options say, or
   * lags beyond `hardMaxLagMs`.
   */
  | 'no-usable-replica'
  /**
   * Those that could serve have not replayed within `maxWaitMs` what the client has written, or, with monotonic reads, read
   * (`@UseSlave()` reads them all the same), or all stand behind poolers that hide their servers. Or one that was verified (`consistency.verify`) had not. Or one was chosen behind an
   * address of several servers, and its connection could not prove that it has it (`prove` in
   * `typeorm/session-connection.ts`).
   */
  | 'behind-token';

/**
 * What a client's tokens demand that no replica is known to meet: to have all that the primary had at a time, where no position
 * tells it. Set by `tokens/requirement.ts`, but for the last; never under `@UseSlave()`.
 */
export type TokenReason =
  /** Its token is of a write whose position is not known. */
  | 'client-wrote-recently'
  /** Its token is of another database cluster. */
  | 'foreign-token'
  /** Its token cannot be read, or not be compared with positions here. */
  | 'unread-token'
  /** Its token is of before a failover, or a failover was at most `pinMs` ago: the primary, whatever replicas have. */
  | 'after-failover'
  /** A carrier, such as a store, has failed, so that its tokens are not known. */
  | 'carrier-failed'
  /** It has a live token, and the level is `'primary'`. */
  | 'level-primary';

/** Why a query went where it went. A closed list: logs, counters, headers and tests rely on it. */
export type Reason = IntentReason | FallbackReason;

/**
 * Why a read is knowingly served without what its client has written: `@UseSlave()`, or no primary to ask. `'unit'`: its unit
 * has read the primary in the place of replicas, the fall-back has no room left, and the replica may have less.
 */
export type StaleCause = 'use-slave' | 'primary-down' | 'unit';

/** An intent with its reason. */
export interface IntentChoice {
  readonly intent: Intent;
  readonly reason: IntentReason;
  /** For `@UseSlave({ ownWrites: true })` and undecorated reads: a token may send the read to the primary. */
  readonly ownWrites: boolean;
  /** Only replicas of this group; `undefined`: only those of none. */
  readonly group?: string | undefined;
  /** Only replicas that are known to be no staler, else the primary. */
  readonly maxLagMs?: number | undefined;
}

/** One choice: which server, in which role, why. */
export interface Route {
  readonly role: Role;
  /** Name of the node. */
  readonly node: string;
  readonly reason: Reason;
}
