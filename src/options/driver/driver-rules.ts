import type { Contradiction } from '../check-contradictions.js';
import type { ReadOnlyMeans } from '../cluster-options.js';
import type { UnknownRecord } from '../place.js';
import type { DriverOptions, ResolvedOptions } from '../resolved-options.js';

/** What of TypeORM's options depends on the driver. Each engine has its own. */
export interface DriverRules {
  readonly defaultPort: string;
  /** The driver's name, in `extra`, for the most connections of a pool. */
  readonly poolSizeInExtra: string;
  /** Names that the driver gives, in `extra`, to options of TypeORM's: there they win. */
  readonly synonymsInExtra: ReadonlyMap<string, readonly string[]>;
  /** How sessions can be made read-only. */
  readonly readOnlyMeans: ReadonlySet<ReadOnlyMeans>;
  /** Whether `onConnect` can set up sessions. */
  readonly canSetUpSessions: boolean;
  /** Whether the distance of a replica to its primary is known in bytes. */
  readonly hasLagInBytes: boolean;
  /** What is wrong with a node's url; `inherited`: the shared options with the node's own over them. */
  checkUrl(url: string, inherited: UnknownRecord): string | undefined;
  /** What in `extra` cannot be honoured, by its name, and what to do about it. */
  refusedExtra(extra: UnknownRecord): readonly (readonly [key: string, problem: string])[];
  /** Why a replica cannot be one of a primary; absent: it needs an address of its own. */
  checkReplica?(replica: DriverOptions, primary: DriverOptions): string | undefined;
  /** The options of a replica that only they make one. */
  asReplica?(driver: DriverOptions): DriverOptions;
  /** Shared and own options of a node as the driver has to be given them. */
  complete(merged: UnknownRecord): DriverOptions;
  /** What its servers cannot do of what the options say, and what would break its promises. */
  contradictions?(resolved: ResolvedOptions): readonly Contradiction[];
  /** The options of a replica with a limit on connecting, where the user sets none. */
  withConnectTimeout(driver: DriverOptions, connectTimeoutMs: number): DriverOptions;
}

/** The drivers whose clusters can have replicas, by TypeORM's `type`. */
export interface KnownDrivers {
  /** Of a driver that nothing is known of: rules that change nothing. */
  rulesOf(type: unknown): DriverRules;
  isKnown(type: unknown): boolean;
  /** Why a database cannot have replicas; `undefined`: it can. */
  whyNoReplicas(type: unknown): string | undefined;
}
