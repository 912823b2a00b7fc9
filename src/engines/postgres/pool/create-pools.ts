import type { DataSource } from 'typeorm';
import type { NodeEndpoint } from '../../../cluster/nodes/node-endpoint.js';
import type { NodeObserver } from '../../../health/node-observer.js';
import type { Pool } from '../../../cluster/nodes/pool.js';
import type { Topology } from '../../../cluster/nodes/topology.js';
import type { Engine } from '../../../engine.js';
import type { DriverOptions, ResolvedNode, ResolvedOptions } from '../../../options/resolved-options.js';
import { silenceLimitMs, withConnectTimeout } from '../../../options/driver/with-connect-timeout.js';
import { NodePool, OwnPool } from './node-pool.js';
import { primarySession, socketsOfPrimary } from './writable-pool-options.js';
import { Sockets } from './sockets.js';

/** What the pools of all nodes share. */
export interface PoolDeps {
  /** The routed one: its own pool is the configured primary's. */
  readonly dataSource: DataSource & { readonly sockets?: Sockets };
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly topology: Topology;
}

/** Whom connections of a node tell what they find. */
export interface PoolOwner {
  readonly endpoint: NodeEndpoint;
  readonly observer: NodeObserver;
}

/** The two pools of a node. Neither connects yet. */
export function createPools(
  settings: ResolvedNode,
  { dataSource, options, engine, topology }: PoolDeps,
  { endpoint, observer }: PoolOwner,
): Record<'writable' | 'read-only', Pool> {
  const { monitor } = options;
  const size = poolSizeOf(settings.driver);
  const newestHistory = () => topology.primary.snapshot.place.history;
  // In the primary's place nothing else may be read, either: its connections do not ask what the server has replayed.
  const reader = engine.primarySession(withConnectTimeout(settings.driver, monitor.connectTimeoutMs), {
    newestHistory,
    isPrimary: () => topology.roleOf(settings.name) === 'primary',
  });
  const reading = engine.readOnlySessions(reader, {
    means: settings.readOnly,
    silenceMs: silenceLimitMs(settings.driver, monitor.queryTimeoutMs),
    onIdentity: (identity) => endpoint.learn(identity),
    onRoleHint: () => void observer.hint(),
  });
  const isRefused = (error: unknown) => engine.refusesReadOnlySession(error);
  const isOwn = settings === topology.own;
  const sockets = socketsOfPrimary(settings.driver, monitor);
  return {
    writable: isOwn
      ? new OwnPool(dataSource, size, dataSource.sockets ?? new Sockets())
      : new NodePool({
          options: [primarySession(settings.driver, { engine, newestHistory, sockets })],
          sockets,
          isRefused,
          size,
          owner: dataSource,
        }),
    'read-only': new NodePool({
      options: reading,
      isRefused,
      size: readingSizeOf(settings, options),
      owner: dataSource,
      sockets: new Sockets(),
    }),
  };
}

/** The primary's are few, since writes come first; where any node may become the primary, they are counted as they are taken. */
function readingSizeOf(settings: ResolvedNode, { primary, routing, cluster }: ResolvedOptions): number {
  if (settings !== primary || cluster.failover === 'follow') return poolSizeOf(settings.driver);
  return Math.max(1, routing.primaryFallbackMax);
}

/** In the order of node-postgres and TypeORM: `extra` wins. */
function poolSizeOf({ extra, poolSize }: DriverOptions): number {
  const { max } = (extra ?? {}) as { max?: number };
  return max ?? (poolSize as number | undefined) ?? 10;
}
