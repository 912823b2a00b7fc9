import type { MONITOR, REPLICA, nodeOptions, resolveCluster } from './cluster-options.js';
import type { ResolvedCookie, ResolvedStore, resolveConsistency } from './consistency-options.js';
import type { Resolved } from './option.js';
import type { resolveRouting } from './routing-options.js';
import type { SESSIONS } from './session-options.js';

/** Name of the cluster that is meant when none is given. Its tokens travel without a name. */
export const DEFAULT_CLUSTER = 'default';

export type { ResolvedCookie, ResolvedStore };

/** Options of TypeORM that we pass on and never look into, but for the connection's own. */
export type DriverOptions = Readonly<Record<string, unknown>>;

/** A node, with the defaults filled in. */
export interface ResolvedNode extends Resolved<ReturnType<typeof nodeOptions>>, Resolved<typeof REPLICA> {
  /** TypeORM's options for a DataSource of this node alone: the shared ones and the node's own, without entities, migrations, subscribers. */
  readonly driver: DriverOptions;
}

/** Routing, with the defaults filled in. */
export interface ResolvedRouting extends ReturnType<typeof resolveRouting> {}

/** Read your own writes, with the defaults filled in. */
export interface ResolvedConsistency extends ReturnType<typeof resolveConsistency> {}

/** Observation of the nodes, with the defaults filled in. `maxLagBytes: Infinity` is no limit. */
export interface ResolvedMonitor extends Resolved<typeof MONITOR> {}

/** The cluster as a whole, with the defaults filled in. Of nodes ask the node: it may say otherwise. */
export interface ResolvedCluster extends ReturnType<typeof resolveCluster> {}

/** All options, checked, complete and frozen. */
export interface ResolvedOptions extends Resolved<typeof SESSIONS> {
  /** Name of the cluster. */
  readonly name: string;
  /** TypeORM's driver type, such as `'postgres'`. */
  readonly type: string;
  /** TypeORM's options of the routed DataSource: the primary's connection, entities, migrations and all the rest. */
  readonly dataSource: DriverOptions;
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
  readonly routing: ResolvedRouting;
  readonly consistency: ResolvedConsistency;
  readonly monitor: ResolvedMonitor;
  readonly cluster: ResolvedCluster;
}

/** Whether there are replicas, or will be. */
export function mayHaveReplicas({ replicas, cluster }: Replicas): boolean {
  return replicas.length > 0 || cluster.discover !== undefined;
}

type Replicas = {
  readonly replicas: readonly unknown[];
  readonly cluster: Pick<ResolvedCluster, 'discover'>;
};

/** Whether there is anything to route: replicas, or something of ours that was asked for without any. */
export function isRouted(options: Pick<ResolvedOptions, 'routing'> & Replicas): boolean {
  const { onReplicaWrite, explainHeader } = options.routing;
  return mayHaveReplicas(options) || onReplicaWrite !== 'off' || explainHeader;
}
