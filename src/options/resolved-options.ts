import type { ConsistencyLevel } from '../routing/resolve-intent.js';
import type { RoutingRule } from '../routing/route-rules.js';
import type { Balancer } from '../routing/balancers/balancer.js';
import type { BalancerName } from '../routing/balancers/create-balancer.js';
import type { Carrier } from '../tokens/carrier.js';
import type {
  AboutRequest,
  Endpoint,
  ReadOnlyMeans,
  RoutingMode,
  StoreOptions,
  TokenStore,
} from './options.js';

/** Options of TypeORM that we pass on and never look into, but for the connection's own. */
export type DriverOptions = Readonly<Record<string, unknown>>;

/** A node, with the defaults filled in. */
export interface ResolvedNode {
  readonly name: string;
  readonly weight: number;
  readonly endpoint: Endpoint;
  readonly readOnly: ReadOnlyMeans;
  /** TypeORM's options for a DataSource of this node alone: the shared ones and the node's own, without entities, migrations, subscribers. */
  readonly driver: DriverOptions;
}

/** Routing, with the defaults filled in. */
export interface ResolvedRouting {
  readonly mode: RoutingMode;
  /** Upper case. */
  readonly readMethods: ReadonlySet<string>;
  /** `'off'`: no replicas, and the user did not ask for the guard. */
  readonly onReplicaWrite: 'reject' | 'promote' | 'off';
  /** 0: no fall-back. */
  readonly primaryFallbackMax: number;
  readonly rules: readonly RoutingRule[];
  readonly balancing: BalancerName | Balancer;
  readonly explainHeader: boolean;
}

/** The cookie's attributes, with the defaults filled in. */
export interface ResolvedCookie {
  readonly name: string;
  readonly path: string;
  readonly domain: string | undefined;
  /** `'auto'`: unless the host is localhost. */
  readonly secure: boolean | 'auto';
  readonly sameSite: 'Strict' | 'Lax' | 'None';
  readonly partitioned: boolean;
}

/** The store carrier's settings; `store` undefined: the memory of the process. */
export interface ResolvedStore {
  readonly store: TokenStore | undefined;
  readonly key: StoreOptions['key'];
  readonly timeoutMs: number;
}

/** Read your own writes, with the defaults filled in. */
export interface ResolvedConsistency {
  readonly level: ConsistencyLevel;
  readonly carriers: readonly ('cookie' | 'header' | 'store' | Carrier)[];
  readonly cookie: ResolvedCookie;
  readonly store: ResolvedStore | undefined;
  /** The first seals; empty: plain tokens. */
  readonly secrets: readonly string[];
  readonly maxWaitMs: number;
  readonly pinMs: number;
  readonly maxAgeMs: number;
  readonly monotonicReads: boolean;
  readonly affinity: AboutRequest<string | undefined> | undefined;
}

/** Observation of the nodes, with the defaults filled in. */
export interface ResolvedMonitor {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxLagMs: number;
  /** Infinity: no limit. */
  readonly maxLagBytes: number;
  readonly hardMaxLagMs: number;
  readonly connectTimeoutMs: number;
  readonly queryTimeoutMs: number;
}

/** All options, checked, complete and frozen. */
export interface ResolvedOptions {
  /** Name of the cluster. */
  readonly name: string;
  /** TypeORM's driver type: `'postgres'`. */
  readonly type: string;
  /** TypeORM's options of the routed DataSource: the primary's connection, entities, migrations and all the rest. */
  readonly dataSource: DriverOptions;
  readonly primary: ResolvedNode;
  readonly replicas: readonly ResolvedNode[];
  readonly routing: ResolvedRouting;
  readonly consistency: ResolvedConsistency;
  readonly monitor: ResolvedMonitor;
  readonly cluster: { readonly failover: 'none' | 'follow'; readonly whenPrimaryDown: '503' | 'stale' };
}
