import type { DataSource } from 'typeorm';
import { systemClock } from '../cluster/clock.js';
import type { ClusterEmitter } from '../cluster/cluster-events.js';
import { ClusterNode } from '../cluster/cluster-node.js';
import { LagHistory } from '../cluster/lag-history.js';
import { messageOf } from '../cluster/message-of.js';
import { NodeObserver } from '../cluster/node-observer.js';
import type { Pool } from '../cluster/pool.js';
import type { Topology } from '../cluster/topology.js';
import type { Dialect } from '../dialects/dialect.js';
import type { DriverOptions, ResolvedNode, ResolvedOptions } from '../options/resolved-options.js';
import { withReplicaTimeouts } from '../options/with-replica-timeouts.js';
import { NodePool, OwnPool } from './node-pool.js';
import { primarySession } from './primary-session.js';
import { Sockets } from './sockets.js';
import { probeOptions, TypeormProber } from './typeorm-prober.js';

/** What all nodes of a cluster share. */
export interface NodeSurroundings {
  /** The routed one: its own pool is the configured primary's. */
  readonly dataSource: DataSource & { readonly sockets?: Sockets };
  readonly options: ResolvedOptions;
  readonly dialect: Dialect;
  readonly topology: Topology;
  readonly events: ClusterEmitter;
}

/** Makes the nodes of a cluster: observer and pools. Nothing connects yet. */
export function createNodeFactory(surroundings: NodeSurroundings): (settings: ResolvedNode) => ClusterNode {
  const { options, dialect, topology, events } = surroundings;
  const { monitor } = options;
  const lagHistory = new LagHistory({
    keepMs: monitor.hardMaxLagMs + monitor.intervalMs,
    spacingMs: monitor.intervalMs / 4,
    graceMs: 3 * monitor.intervalMs,
  });
  return (settings) => {
    const { name, driver } = settings;
    const onModest = (error: unknown) =>
      events.emit('promiseWeakened', { node: name, detail: `${NO_POSITIONS} (${messageOf(error)}).` });
    const observer = new NodeObserver({
      name,
      role: () => topology.roleOf(name),
      prober: new TypeormProber(probeOptions(driver, monitor.timeoutMs), dialect, onModest),
      classify: dialect.classify,
      clock: systemClock,
      random: Math.random,
      policy: monitor,
      primaryFacts: () => topology.primary.observer.facts,
      lagHistory,
    });
    return new ClusterNode(settings, observer, createPools(settings, surroundings));
  };
}

const NO_POSITIONS =
  'The server does not tell positions to this role, so after a write the client reads the primary for consistency.pinMs';

function createPools(
  settings: ResolvedNode,
  { dataSource, options, dialect, topology }: NodeSurroundings,
): Record<'writable' | 'read-only', Pool> {
  const { monitor } = options;
  const size = poolSizeOf(settings.driver);
  const reading = dialect.readOnlySession(withReplicaTimeouts(settings.driver, monitor));
  const isOwn = settings === options.primary;
  const newestTimeline = () => topology.primary.snapshot.timeline;
  const writing = { dialect, monitor, newestTimeline };
  return {
    writable: isOwn
      ? new OwnPool(dataSource, size, dataSource.sockets ?? new Sockets())
      : new NodePool({ ...primarySession(settings.driver, writing), size, owner: dataSource }),
    'read-only': new NodePool({
      options: reading,
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
