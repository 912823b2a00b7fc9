import type { CLUSTER, Endpoint, ReadOnlyMeans, MONITOR, REPLICA, nodeOptions } from './cluster-options.js';
import type {
  AboutRequest,
  CONSISTENCY,
  CookieOptions,
  StoreOptions,
  TokenStore,
} from './consistency-options.js';
import type { Given } from './option.js';
import type { RoutingControl, RoutingSettings, routingOptions } from './routing-options.js';
import type { NewSession, OnConnect, SESSIONS } from './session-options.js';

export type {
  AboutRequest,
  CookieOptions,
  Endpoint,
  NewSession,
  OnConnect,
  ReadOnlyMeans,
  RoutingControl,
  RoutingSettings,
  StoreOptions,
  TokenStore,
};

/** Which requests read a replica, and what happens when they cannot. */
export interface RoutingOptions extends Given<ReturnType<typeof routingOptions>> {}

/** `'route'`, `'observe'` (all to the primary, but count and report) or `'primary-only'` (kill switch). */
export type RoutingMode = NonNullable<RoutingOptions['mode']>;

/** Read your own writes. */
export interface ConsistencyOptions extends Given<typeof CONSISTENCY> {}

/** Observation of the nodes. */
export interface MonitorOptions extends Given<typeof MONITOR> {}

/** The cluster as a whole. */
export interface ClusterOptions extends Given<typeof CLUSTER> {}

/** What of a node is ours; everything else in it is TypeORM's (`url`, `host`, `poolSize`, `extra`, ...). */
export interface NodeSettings extends Given<ReturnType<typeof nodeOptions>> {}

/** What of a replica is ours. */
export interface ReplicaSettings extends NodeSettings, Given<typeof REPLICA> {}

/** What the sessions of all nodes have in common. */
export interface SessionOptions extends Given<typeof SESSIONS> {}

/** Our part of the options of `ReplicatedModule.forRoot`. */
export interface ReplicationSections extends SessionOptions {
  readonly routing?: RoutingOptions;
  readonly consistency?: ConsistencyOptions;
  readonly monitor?: MonitorOptions;
  readonly cluster?: ClusterOptions;
}
