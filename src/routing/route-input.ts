import type { Position, Positions } from '../position.js';
import type { KnownCandidate } from './node-snapshot.js';
import type { ConsistencyLevel } from './resolve-intent.js';
import type { FallbackReason, IntentChoice, TokenReason } from './route.js';

/** A replica as the decision sees it. */
export interface RouteCandidate extends KnownCandidate {
  /** What its address leads to: one server, one of several per connection, or one of several per transaction. */
  readonly endpoint: { readonly kind: 'server' | 'per-connection' | 'per-transaction' };
}

/** What a client's tokens demand of the server that reads for it. */
export interface Requirement {
  /** A replica must have replayed this position; `undefined`: any will do. */
  readonly position?: Position | undefined;
  /** Until then only the primary will do, in ms of this instance's clock; `undefined`: no such demand. */
  readonly pinnedUntilMs?: number | undefined;
  /** Why, as long as that holds. */
  readonly pinnedBy?: TokenReason | undefined;
  /**
   * When something was written whose position is not known, by the clock of the instance that wrote: a replica must be
   * known to have all that the primary had then. `undefined`: no such demand.
   */
  readonly writtenAtMs?: number | undefined;
  /** Why; of several such demands, that of the latest. */
  readonly writtenBy?: TokenReason | undefined;
}

/** Of a client without tokens. */
export const NO_REQUIREMENT: Requirement = Object.freeze({});

/** The options that decide. */
export interface RouteTerms {
  /** A snapshot older than this is unknown: three intervals of the monitor. */
  readonly snapshotMaxAgeMs: number;
  /** A replica that may be behind by more is not used: its last known lag, and the time since then. */
  readonly staleAfterMs: number;
  /** Where the lag of a replica is not known, it is taken to have what was written so long ago. */
  readonly pinMs: number;
  /** The primary's position at start-up: no replica is read before it is known to have it. `undefined`: passed by all. */
  readonly floor?: Position | undefined;
  /** How the engine compares positions. */
  readonly positions: Positions;
  /** Whether the primary serves reads that no replica may serve (`routing.primaryFallback`). */
  readonly allowsFallback: boolean;
  /** `'off'`: nothing is guarded, so that such a read gets a writable session, and as many as the pool has. */
  readonly onReplicaWrite: 'reject' | 'promote' | 'off';
  /** Where this process is: replicas of the same zone are preferred. */
  readonly zone?: string | undefined;
  /** Replicas, and groups with them, may still be discovered. */
  readonly mayDiscover?: boolean | undefined;
  /** What such a read gets while the primary is down: a refusal, or replicas whatever they have replayed. */
  readonly whenPrimaryDown: '503' | 'stale';
}

/** What a query asks for. It stays the same while the query waits. */
export interface RouteQuery {
  readonly choice: IntentChoice;
  /** `routing.mode`; `'outside-share'`: reads of this client are not routed yet. */
  readonly mode: 'route' | 'observe' | 'primary-only' | 'outside-share';
  readonly level: ConsistencyLevel;
  /** Replicas have failed the query for a reason that all of them share: the primary reads. */
  readonly fallback: FallbackReason | undefined;
  /** Why the unit has read the primary before, where the fall-back has room for more of it. */
  readonly kept: FallbackReason | undefined;
  /** Names of the nodes on which the query has failed already. */
  readonly failed: ReadonlySet<string> | undefined;
}

/** What is known of the cluster. */
export interface ClusterView<C extends RouteCandidate> {
  readonly primary: Pick<KnownCandidate, 'name' | 'snapshot'>;
  readonly replicas: readonly C[];
  /** Names of the groups that replicas of it are or were in. */
  readonly groups: ReadonlySet<string>;
  /** The same of all clusters of the application. */
  readonly knownGroups: ReadonlySet<string>;
  readonly terms: RouteTerms;
}

/** What the choice among replicas depends on, at the moment in which it is made. */
export interface ReplicaInput<C extends RouteCandidate> {
  readonly choice: IntentChoice;
  readonly failed: ReadonlySet<string> | undefined;
  /** What the client's tokens demand, by `requiredAt` its level. */
  readonly required: Requirement;
  /** Name of the replica that this unit of work used before. */
  readonly previous: string | undefined;
  readonly cluster: ClusterView<C>;
  readonly nowMs: number;
  /** Replicas that had not been heard of were asked, and the choice is made once more. */
  readonly wereAsked?: boolean | undefined;
}
