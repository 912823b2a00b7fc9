import type { Place } from '../position.js';
import type { Role } from './route.js';

/**
 * State of a node as its monitor last saw it.
 *
 * - `connecting`: not seen yet in its present role;
 * - `usable`;
 * - `lagging`: beyond `maxLagMs` or `maxLagBytes`, used while none is better;
 * - `stale`: beyond `hardMaxLagMs`, not used;
 * - `suspect`: the last probe got no answer, or a request as this process stood still; used while none is better;
 * - `unreachable`: several probes or a request's connection failed;
 * - `misconfigured`: it answers, but is not what the options say (wrong password, database, cluster);
 * - `is-primary`: listed as a replica, but writable or the primary itself;
 * - `is-replica`: taken for the primary, but in recovery, or a former primary on an older timeline: not written;
 * - `draining`: being removed: nothing new reads it, what runs on it finishes.
 */
export type NodeState =
  | 'connecting'
  | 'usable'
  | 'lagging'
  | 'stale'
  | 'suspect'
  | 'unreachable'
  | 'misconfigured'
  | 'is-primary'
  | 'is-replica'
  | 'draining';

/** What is known of a node. Frozen; a monitor replaces it, nobody changes it. In JSON the position is a text: `"0/16B3748"`. */
export interface NodeSnapshot {
  readonly name: string;
  /** The role the node plays in the cluster now. */
  readonly role: Role;
  readonly state: NodeState;
  /** Why it is in this state, for people: an error's message, "replay is 12 s behind". */
  readonly detail?: string | undefined;
  /** How far its data are behind the primary, in ms; `undefined` when not known. */
  readonly lagMs?: number | undefined;
  /** The same in bytes of WAL. */
  readonly lagBytes?: number | undefined;
  /** The last position known to be replayed (a replica) or written (the primary); a lower bound. */
  readonly position?: bigint | undefined;
  readonly timeline?: number | undefined;
  /** Identifies the database cluster (PostgreSQL's system identifier). */
  readonly systemId?: string | undefined;
  /** When the monitor last got an answer, in ms of the cluster's clock; `undefined`: never. */
  readonly seenAtMs?: number | undefined;
  /** Where it is, as the options say. */
  readonly zone?: string | undefined;
  /** The reads that it is set apart for: those of handlers with `@UseReplica({ group })`. */
  readonly group?: string | undefined;
}

/** The same for the library itself. */
export interface KnownSnapshot extends NodeSnapshot {
  /** Where the node is known to be. Only its engine looks inside. */
  readonly place: Place;
  /** A replica has all that the primary had then, in ms of the cluster's clock; `undefined`: that is not known. */
  readonly completeAtMs?: number | undefined;
}

/** A node as balancers see it. */
export interface Candidate {
  readonly name: string;
  /** Share of the reads it gets, relative to the others. */
  readonly weight: number;
  /** Queries of this process running on it. */
  readonly busy: number;
  readonly snapshot: NodeSnapshot;
}

/** A node as decisions see it. */
export interface KnownCandidate extends Candidate {
  readonly snapshot: KnownSnapshot;
}
