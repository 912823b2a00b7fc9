import type { DataSource } from 'typeorm';
import { createProblemReport } from '../../cluster/tokens/carrier-problems.js';
import { CatchUp } from '../../cluster/nodes/catch-up.js';
import { ClientTokens } from '../../cluster/tokens/client-tokens.js';
import { systemClock } from '../../clock.js';
import { ClusterEmitter } from '../../cluster/events/cluster-events.js';
import { EventLog, type EventLogger } from '../../cluster/events/event-log.js';
import { Failures } from '../../cluster/routing/failures.js';
import { HandlerReports } from '../../cluster/events/handler-reports.js';
import { HiddenServers } from '../../cluster/nodes/hidden-servers.js';
import { messageOf } from '../../message-of.js';
import { NodeWatch } from '../../cluster/watch/node-watch.js';
import { ReadLog } from '../../cluster/tokens/read-log.js';
import { ReplicationCluster, type ResolveReplica } from '../../cluster/replication-cluster.js';
import { RouteCounters } from '../../cluster/events/route-counters.js';
import { Router } from '../../cluster/routing/router.js';
import { TokenDesk } from '../../cluster/tokens/token-desk.js';
import { Topology } from '../../cluster/nodes/topology.js';
import { WriteLog } from '../../cluster/tokens/write-log.js';
import type { CarrierDeps } from '../../http/create-carriers.js';
import type { Carrier } from '../../tokens/carrier.js';
import { createKeyring } from '../../tokens/keyring.js';
import { createDialect } from '../../engines/create-engine.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { createBalancer } from '../../routing/balancers/create-balancer.js';
import { compileRouteRules } from '../../routing/route-rules.js';
import { createNodeFactory } from './create-node.js';
import { RoutedCluster } from '../../typeorm/routed-cluster.js';
import type { Sockets } from '../../engines/postgres/pool/sockets.js';

/** What of a cluster comes from outside. */
export interface ClusterSurroundings {
  readonly logger: EventLogger;
  readonly createCarriers: (parts: CarrierDeps) => readonly Carrier[];
  /** Checks and completes a replica that is added at run time. */
  readonly resolveReplica: ResolveReplica;
}

/** A cluster, composed. */
export interface ComposedCluster {
  readonly cluster: ReplicationCluster;
  readonly routed: RoutedCluster;
  readonly router: Router;
  readonly requirements: ClientTokens;
  readonly tokens: TokenDesk;
  readonly writes: WriteLog;
  readonly reads: ReadLog;
  readonly onCarrierProblem: (error: unknown) => void;
  readonly carriers: readonly Carrier[];
  readonly counters: RouteCounters;
  readonly events: ClusterEmitter;
}

/** Puts together what serves a routed DataSource. The only place that knows all parts. */
// oxlint-disable-next-line max-lines-per-function -- a list of parts, each made of those above it
export function composeCluster(
  dataSource: DataSource & { readonly sockets?: Sockets },
  options: ResolvedOptions,
  surroundings: ClusterSurroundings,
): ComposedCluster {
  const clock = systemClock;
  const dialect = createDialect(options.type);
  const counters = new RouteCounters();
  const { logger } = surroundings;
  const events = new ClusterEmitter((event, error) =>
    logger.error(`A listener of ${event} has failed: ${messageOf(error)}`),
  );
  const log = new EventLog(events, logger, clock);
  const topology = new Topology(options.primary.name, {
    snapshotMaxAgeMs: 3 * options.monitor.intervalMs,
    staleAfterMs: options.monitor.hardMaxLagMs + options.monitor.intervalMs,
    allowsFallback: options.routing.primaryFallbackMax > 0,
    onReplicaWrite: options.routing.onReplicaWrite,
    whenPrimaryDown: options.cluster.whenPrimaryDown,
  });
  const createNode = createNodeFactory({ dataSource, options, dialect, topology, events });
  for (const settings of [options.primary, ...options.replicas]) topology.add(createNode(settings));

  const { consistency, routing, name } = options;
  const keyring = createKeyring(consistency.secrets);
  const onProblem = createProblemReport(events, clock);
  const carriers = surroundings.createCarriers({ options, keyring, now: () => clock.now(), onProblem });
  const catchUp = new CatchUp(clock);
  const shared = { options, keyring, topology, counters, catchUp, clock, events };
  const tokens = new TokenDesk(shared);
  const requirements = new ClientTokens({ ...shared, cluster: name, consistency, onProblem }, carriers);
  const balancer = createBalancer(routing.balancing, Math.random);
  const router = new Router({ ...shared, requirements, balancer, ruleOf: compileRouteRules(routing.rules) });
  const writes = new WriteLog(shared);
  const reads = new ReadLog({ ...shared, carriers });
  const failures = new Failures(topology, counters, dialect.classify);
  const watch = new NodeWatch({
    ...shared,
    followsFailover: options.cluster.failover === 'follow',
    patienceMs: options.monitor.connectTimeoutMs,
    silenceMs: options.monitor.queryTimeoutMs,
  });
  const hidden = new HiddenServers(topology, (connection) => dialect.readPosition(connection));
  const reports = new HandlerReports(counters, events);
  const routed = new RoutedCluster({ ...shared, dialect, router, failures, writes, reads, hidden, reports });
  const { resolveReplica } = surroundings;
  const cluster = new ReplicationCluster({
    ...shared,
    router,
    watch,
    tokens,
    resolveReplica,
    createNode,
    logger,
    log,
  });
  return {
    cluster,
    routed,
    router,
    requirements,
    tokens,
    writes,
    reads,
    onCarrierProblem: onProblem,
    carriers,
    counters,
    events,
  };
}
