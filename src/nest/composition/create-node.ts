import type { DataSource } from 'typeorm';
import type { Connections, ProberTerms, ServerIdentity } from '../../connector.js';
import type { Engine } from '../../engine.js';
import { systemClock } from '../../clock.js';
import type { ClusterEmitter } from '../../cluster/events/cluster-events.js';
import { ClusterNode } from '../../cluster/nodes/cluster-node.js';
import type { Sleep } from '../../cluster/watch/sleep.js';
import { LagHistory } from '../../health/lag-history.js';
import { messageOf } from '../../message-of.js';
import { NodeEndpoint, type EndpointKind } from '../../cluster/nodes/node-endpoint.js';
import { NodeObserver } from '../../health/node-observer.js';
import type { SharedLoops } from '../../health/shared-loops.js';
import { withoutDatabase } from '../../options/driver/node-address.js';
import { SessionDifferences } from '../../cluster/watch/session-differences.js';
import type { Topology } from '../../cluster/nodes/topology.js';
import type { ResolvedNode, ResolvedOptions } from '../../options/resolved-options.js';

/** What all nodes of a cluster share. */
export interface NodeDeps {
  /** The routed one. */
  readonly dataSource: DataSource & { readonly ownConnections?: Connections };
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly topology: Topology;
  readonly events: ClusterEmitter;
  /** `undefined`: its monitor is its own, and never sleeps. */
  readonly onDemand: OnDemand | undefined;
}

/** Of a DataSource that is made on demand, and of which there may be many. */
export interface OnDemand {
  readonly loops: SharedLoops;
  readonly sleep: Sleep;
}

/** Makes the nodes of a cluster: observer and pools. Nothing connects yet. */
export function createNodeFactory(deps: NodeDeps): (settings: ResolvedNode) => ClusterNode {
  const { monitor } = deps.options;
  const lagHistory = new LagHistory({
    positions: deps.engine.positions,
    keepMs: monitor.hardMaxLagMs + monitor.intervalMs,
    spacingMs: monitor.intervalMs / 4,
    graceMs: 3 * monitor.intervalMs,
  });
  const differences = new SessionDifferences(() => deps.topology.primary.name, deps.events);
  return (settings) => createNode(settings, deps, { lagHistory, differences });
}

interface Shared {
  readonly lagHistory: LagHistory;
  readonly differences: SessionDifferences;
}

function createNode(settings: ResolvedNode, deps: NodeDeps, shared: Shared): ClusterNode {
  const { dataSource, options, engine, topology, events, onDemand } = deps;
  const { name, zone, group } = settings;
  const { name: cluster, monitor } = options;
  const isReplica = () => topology.roleOf(name) === 'replica';
  const weaken = (detail: string) => events.emit('promiseWeakened', { node: name, detail });
  const endpoint = new NodeEndpoint({
    setting: engine.areServersAlike ? 'server' : settings.endpoint,
    compare: engine.compareServers,
    onHidden: (kind) => isReplica() && weaken(HIDDEN[kind]),
    onRestart: () => isReplica() && observer.restarted(),
  });
  const onIdentity = (identity: ServerIdentity) => endpoint.learn(identity);
  const observer: NodeObserver = new NodeObserver({
    name,
    zone,
    group,
    role: () => topology.roleOf(name),
    prober: engine.connector.createProber(settings, {
      cluster,
      monitor,
      onIdentity,
      ...reportsOf(settings, weaken, { options, ...shared }),
    }),
    engine,
    clock: systemClock,
    random: Math.random,
    monitor,
    primaryFacts: () => topology.primary.observer.facts,
    lagHistory: shared.lagHistory,
    createLoop: onDemand && ((loop) => onDemand.loops.create(serverOf(settings, options), loop)),
    isAsleep: onDemand && (() => onDemand.sleep.isDue),
  });
  observer.onChange((_previous, _current, cause) => {
    // After a restart, what the last probe said is older than what new connections have found.
    if (cause === 'probe-answered') endpoint.learn({ serverId: observer.facts.serverId, isPooled: false });
  });
  const pools = engine.connector.createPools(settings, {
    options,
    owner: dataSource,
    own: topology.own,
    ownConnections: dataSource.ownConnections,
    newestHistory: () => topology.primary.snapshot.place.history,
    isPrimary: () => !isReplica(),
    onIdentity,
    onRoleHint: () => void observer.hint(),
  });
  return new ClusterNode(settings, { observer, pools, endpoint, clock: systemClock });
}

/** What a probe depends on, but for the database. */
function serverOf({ driver }: ResolvedNode, { type, monitor }: ResolvedOptions): object {
  const { intervalMs, timeoutMs, connectTimeoutMs } = monitor;
  return { type, server: withoutDatabase(driver), intervalMs, timeoutMs, connectTimeoutMs };
}

type Reports = Pick<ProberTerms, 'onModest' | 'onWeakness' | 'onDefaults'>;

/** What a prober tells of a node: each weakness is passed on once. */
function reportsOf(
  { name }: ResolvedNode,
  weaken: (detail: string) => void,
  { options, differences }: Pick<NodeDeps, 'options'> & Shared,
): Reports {
  const told = new Set<string>();
  return {
    onModest: (error) => weaken(`${NO_POSITIONS} (${messageOf(error)}).`),
    onWeakness: (detail) => {
      if (!told.has(detail)) weaken(detail);
      told.add(detail);
    },
    // What the application sets up is as it wants it.
    onDefaults: (defaults) => options.onConnect === undefined && differences.learn(name, defaults),
  };
}

const NO_POSITIONS =
  'The server does not tell positions to this role, so after a write the client reads the primary for consistency.pinMs';

const HIDDEN: Readonly<Record<EndpointKind, string>> = {
  server: 'One server stands behind its address',
  'per-connection':
    "Several servers stand behind its address, one per connection: what a client's token demands is asked of the connection that reads, before it does. Silence this with endpoint: 'per-connection'",
  'per-transaction':
    "A pooler stands behind its address and may change the server with every transaction: a client that has written reads the primary while its token lives. If there is one server only, say endpoint: 'server'; otherwise silence this with endpoint: 'per-transaction'",
};
