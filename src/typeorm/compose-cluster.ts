import type { DataSource } from 'typeorm';
import { createProblemReport } from '../cluster/carrier-problems.js';
import { CatchUp } from '../cluster/catch-up.js';
import { ClientTokens } from '../cluster/client-tokens.js';
import { systemClock } from '../cluster/clock.js';
import { ClusterEmitter } from '../cluster/cluster-events.js';
import { EventLog, type EventLogger } from '../cluster/event-log.js';
import { Failures } from '../cluster/failures.js';
import { HandlerReports } from '../cluster/handler-reports.js';
import { HiddenServers } from '../cluster/hidden-servers.js';
import { messageOf } from '../cluster/message-of.js';
import { NodeWatch } from '../cluster/node-watch.js';
import { reportOnce } from '../cluster/report-once.js';
import { ReadLog } from '../cluster/read-log.js';
import { ReplicationCluster, type ResolveReplica } from '../cluster/replication-cluster.js';
import { RouteCounters } from '../cluster/route-counters.js';
import { Router } from '../cluster/router.js';
import type { Requirements } from '../cluster/router-parts.js';
import { TokenDesk } from '../cluster/token-desk.js';
import { Topology } from '../cluster/topology.js';
import { WriteLog } from '../cluster/write-log.js';
import type { Carrier } from '../consistency/carrier.js';
import { createKeyring, type Keyring } from '../consistency/keyring.js';
import { createDialect } from '../dialects/create-dialect.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { createBalancer } from '../routing/create-balancer.js';
import { compileRouteRules } from '../routing/route-rules.js';
import { createNodeFactory } from './create-node.js';
import { RoutedCluster } from './routed-cluster.js';
import type { Sockets } from './sockets.js';

/** What of a cluster comes from outside. */
export interface ClusterSurroundings {
  readonly logger: EventLogger;
  readonly createCarriers: (parts: CarrierParts) => readonly Carrier[];
  /** Checks and completes a replica that is added at run time. */
  readonly resolveReplica: ResolveReplica;
}

/** What carriers are made with. */
export interface CarrierParts {
  readonly options: ResolvedOptions;
  readonly keyring: Keyring;
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
}

/** A cluster, composed. */
export interface ComposedCluster {
  readonly cluster: ReplicationCluster;
  readonly routed: RoutedCluster;
  readonly router: Router;
  readonly requirements: Requirements;
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
  const onListenerFailed = (of: string, error: unknown) =>
    logger.error(`A listener of ${of} has failed: ${messageOf(error)}`);
  const events = new ClusterEmitter(onListenerFailed);
  const log = new EventLog(events, logger, clock);
  const topology = new Topology(options.primary.name, {
    snapshotMaxAgeMs: 3 * options.monitor.intervalMs,
    staleAfterMs: options.monitor.hardMaxLagMs + options.monitor.intervalMs,
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
  const router = new Router({
    ...shared,
    requirements,
    balancer: createBalancer(routing.balancing, Math.random, reportOnce(events, BALANCING_FAILED)),
    ruleOf: compileRouteRules(routing.rules),
    onListenerFailed: (error) => onListenerFailed('onRoute', error),
    onAffinityFailed: reportOnce(events, AFFINITY_FAILED),
  });
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

const BALANCING_FAILED = 'routing.balancing has failed, so that any replica reads, by weight';
const AFFINITY_FAILED = 'consistency.affinity has failed, so that clients do not keep their replica';
