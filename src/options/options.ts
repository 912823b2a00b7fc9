import type { Balancer } from '../routing/balancers/balancer.js';
import type { BalancerName } from '../routing/balancers/create-balancer.js';
import type { ConsistencyLevel } from '../routing/resolve-intent.js';
import type { RoutingRule } from '../routing/route-rules.js';
import type { Carrier } from '../tokens/carrier.js';

/** `'route'`, `'observe'` (all to the primary, but count and report) or `'primary-only'` (kill switch). */
export type RoutingMode = 'route' | 'observe' | 'primary-only';

/** Which requests read a replica, and what happens when they cannot. */
export interface RoutingOptions {
  /** @default 'route' */
  readonly mode?: RoutingMode;
  /** HTTP methods with replica intent. @default ['GET', 'HEAD'] */
  readonly readMethods?: readonly string[];
  /** A write under replica intent: refuse it, or send it and the rest of the unit to the primary. @default 'reject' */
  readonly onReplicaWrite?: 'reject' | 'promote';
  /**
   * Reads of replica intent that the primary serves at a time when no replica can; `false`: none.
   * @default { maxConcurrent: half of the primary's pool }
   */
  readonly primaryFallback?: false | { readonly maxConcurrent?: number };
  /** @default [] */
  readonly rules?: readonly RoutingRule[];
  /** @default 'least-busy' */
  readonly balancing?: BalancerName | Balancer;
  /** Adds `Replication-Route: replica-1; reason=read-method` to responses. For development. @default false */
  readonly explainHeader?: boolean;
}

/** Attributes of the token's cookie. */
export interface CookieOptions {
  /** Prefix of the cookies' names. @default 'replication' */
  readonly name?: string;
  /** @default '/' */
  readonly path?: string;
  readonly domain?: string;
  /** @default true, but on localhost */
  readonly secure?: boolean;
  /** @default 'Lax' */
  readonly sameSite?: 'Strict' | 'Lax' | 'None';
  /** CHIPS, for front ends of another site. @default false */
  readonly partitioned?: boolean;
}

/** The part of a Keyv-compatible store that the store carrier uses. */
export interface TokenStore {
  get(key: string): Promise<unknown>;
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
}

/**
 * Answers something about a request, as Express or Fastify gives it. The type of a method, so that the function may name
 * that of its platform: `(request: Request) => request.user?.id`.
 */
export type AboutRequest<T> = { ask(request: unknown): T }['ask'];

/** Settings of the store carrier. */
export interface StoreOptions {
  /** Keyv or anything like it. @default the memory of this process: right for one instance only */
  readonly store?: TokenStore;
  /** The client's key or keys; `undefined` as long as it is not known. */
  readonly key: AboutRequest<string | readonly string[] | undefined>;
  /** How long a request waits for the store, in ms. @default 100 */
  readonly timeoutMs?: number;
}

/** Read your own writes. */
export interface ConsistencyOptions {
  /** @default 'session' */
  readonly level?: ConsistencyLevel;
  /** @default ['cookie'] */
  readonly carriers?: readonly ('cookie' | 'header' | 'store' | Carrier)[];
  readonly cookie?: CookieOptions;
  readonly store?: StoreOptions;
  /** Seals tokens; a list: the first seals, all open. At least 16 characters each. @default none: plain tokens */
  readonly secret?: string | readonly string[];
  /** How long a read may wait for a replica before it goes to the primary, in ms. @default 20 */
  readonly maxWaitMs?: number;
  /** Primary for that long after a write without a position, in ms. @default 3000 */
  readonly pinMs?: number;
  /** Life of a token, in ms. @default 120000 */
  readonly maxAgeMs?: number;
  /** @default true */
  readonly monotonicReads?: boolean;
  /** Clients with the same key keep their replica; where it fails, they have none. @default the Authorization header */
  readonly affinity?: false | AboutRequest<string | undefined>;
}

/** Observation of the nodes. */
export interface MonitorOptions {
  /** Time between two probes of a node, in ms, with a jitter of 20 %. @default 1000 */
  readonly intervalMs?: number;
  /** Time for which a node that is being probed may say nothing, in ms. @default 500 */
  readonly timeoutMs?: number;
  /** Beyond, a replica is not used while a better one exists. @default 10000 */
  readonly maxLagMs?: number;
  /** The same in bytes; `false`: no limit. @default false */
  readonly maxLagBytes?: number | false;
  /** Beyond, a replica is not used at all. @default 60000 */
  readonly hardMaxLagMs?: number;
  /** Time a connection to a replica, or a wait for a free one, may take, in ms. @default 3000 */
  readonly connectTimeoutMs?: number;
  /** Time a replica that has been asked something may say nothing, in ms; its connection is given up by a quarter later. @default 30000 */
  readonly queryTimeoutMs?: number;
}

/** What stands behind a node's address. */
export type Endpoint = 'auto' | 'server' | 'per-connection' | 'per-transaction';

/** How a read-only session is made. */
export type ReadOnlyMeans = 'auto' | 'startup' | 'role' | 'transaction' | 'server';

/** The cluster as a whole. */
export interface ClusterOptions {
  /** `'follow'`: writes move to a promoted node of the list. @default 'none' */
  readonly failover?: 'none' | 'follow';
  /** What a client whose token no replica satisfies gets while the primary is down. @default '503' */
  readonly whenPrimaryDown?: '503' | 'stale';
  /** For all nodes that do not say it themselves. @default 'auto' */
  readonly endpoint?: Endpoint;
  /** For all nodes that do not say it themselves. @default 'auto' */
  readonly readOnly?: ReadOnlyMeans;
}

/** What of a node is ours; everything else in it is TypeORM's (`url`, `host`, `poolSize`, `extra`, ...). */
export interface NodeSettings {
  /** Name in logs, counters and headers. @default 'primary', 'replica-1', 'replica-2', ... */
  readonly name?: string;
  readonly endpoint?: Endpoint;
  readonly readOnly?: ReadOnlyMeans;
}

/** What of a replica is ours. */
export interface ReplicaSettings extends NodeSettings {
  /** Share of the reads, relative to the other replicas. @default 1 */
  readonly weight?: number;
}

/** Our sections of the options of `ReplicatedModule.forRoot`. */
export interface ReplicationSections {
  readonly routing?: RoutingOptions;
  readonly consistency?: ConsistencyOptions;
  readonly monitor?: MonitorOptions;
  readonly cluster?: ClusterOptions;
}
