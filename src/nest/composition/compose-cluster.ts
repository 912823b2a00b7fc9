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
import { PrimaryWait } from '../../cluster/watch/primary-wait.js';
import { StartSearch } from '../../cluster/watch/start-search.js';
import { NodeWatch } from '../../cluster/watch/node-watch.js';
import { ReadRecorder } from '../../cluster/tokens/read-recorder.js';
import { ReplicationCluster, type ResolveReplica } from '../../cluster/replication-cluster.js';
import { RouteCounters } from '../../cluster/events/route-counters.js';
import { Router } from '../../cluster/routing/router.js';
import { ReplayBarrier } from '../../cluster/tokens/replay-barrier.js';
import { UnitTokens } from '../../cluster/tokens/unit-tokens.js';
import { Topology } from '../../cluster/nodes/topology.js';
import { WriteRecorder } from '../../cluster/tokens/write-recorder.js';
import type { CarrierDeps } from '../../http/create-carriers.js';
import type { TokenSenderDeps } from '../../http/token-sender.js';
import type { TokenSink } from '../../cluster/tokens/token-sink.js';
import type { Carrier } from '../../tokens/carrier.js';
import { createKeyring } from '../../tokens/keyring.js';
import { createEngine } from '../../engines/create-engine.js';
import { probeOptions, TypeormProber } from '../../engines/postgres/pool/typeorm-prober.js';
import type { ResolvedNode, ResolvedOptions } from '../../options/resolved-options.js';
import { createBalancer } from '../../routing/balancers/create-balancer.js';
import { compileRouteRules } from '../../routing/route-rules.js';
import { reportOnce } from '../../cluster/events/report-once.js';
import { createNodeFactory } from './create-node.js';
import { ReplicaWritePolicy } from '../../typeorm/replica-write-policy.js';
import { RoutedCluster } from '../../typeorm/routed-cluster.js';
import type { Sockets } from '../../engines/postgres/pool/sockets.js';

/** What of a cluster comes from outside. */
export interface ClusterSurroundings {
  readonly logger: EventLogger;
  readonly createCarriers: (deps: CarrierDeps) => readonly Carrier[];
  readonly createSink: (deps: TokenSenderDeps) => TokenSink;
  /** Checks and completes a replica that is added at run time. */
  readonly resolveReplica: ResolveReplica;
}

/** A cluster, composed. */
export interface ComposedCluster {
  readonly cluster: ReplicationCluster;
  readonly routed: RoutedCluster;
  readonly router: Router;
  readonly requirements: ClientTokens;
  readonly tokens: UnitTokens;
}

/** Puts together what serves a routed DataSource. The only place that knows all parts. */
// oxlint-disable-next-line max-lines-per-function -- a list of parts, each made of those above it
export function composeCluster(
  dataSource: DataSource & { readonly sockets?: Sockets },
  options: ResolvedOptions,
  surroundings: ClusterSurroundings,
): ComposedCluster {
  const clock = systemClock;
  const engine = createEngine(options);
  const { positions } = engine;
  const counters = new RouteCounters();
  const { logger } = surroundings;
  const onListenerFailed = (of: string, error: unknown) =>
    logger.error(`A listener of ${of} has failed: ${messageOf(error)}`);
  const events = new ClusterEmitter(onListenerFailed);
  const log = new EventLog(events, logger, clock);
  const topology = new Topology(options.primary.name, {
    snapshotMaxAgeMs: 3 * options.monitor.intervalMs,
    staleAfterMs: options.monitor.hardMaxLagMs + options.monitor.intervalMs,
    positions,
    allowsFallback: options.routing.primaryFallbackMax > 0,
    onReplicaWrite: options.routing.onReplicaWrite,
    whenPrimaryDown: options.cluster.whenPrimaryDown,
  });
  topology.own = options.primary;
  const createNode = createNodeFactory({ dataSource, options, engine, topology, events });
  for (const settings of [options.primary, ...options.replicas]) topology.add(createNode(settings));

  const { consistency, routing, name } = options;
  const keyring = createKeyring(consistency.secrets);
  const onProblem = createProblemReport(events, clock);
  const carriers = surroundings.createCarriers({
    options,
    keyring,
    positions,
    now: () => clock.now(),
    onProblem,
  });
  const catchUp = new CatchUp(clock, positions);
  const primaryWait = new PrimaryWait({ options, topology, clock });
  const shared = {
    primaryWait,
    options,
    engine,
    positions,
    keyring,
    topology,
    counters,
    catchUp,
    clock,
    events,
  };
  const tokens = new UnitTokens(shared);
  const requirements = new ClientTokens({ ...shared, cluster: name, consistency, onProblem }, carriers);
  const router = new Router({
    ...shared,
    requirements,
    balancer: createBalancer(routing.balancing, Math.random, reportOnce(events, BALANCING_FAILED)),
    ruleOf: compileRouteRules(routing.rules),
    onListenerFailed: (error) => onListenerFailed('onRoute', error),
    onAffinityFailed: reportOnce(events, AFFINITY_FAILED),
  });
  const sink = surroundings.createSink({ ...shared, carriers, tokens, onCarrierProblem: onProblem });
  const writes = new WriteRecorder({ ...shared, sink });
  const reads = new ReadRecorder({ ...shared, carriers, sink });
  const failures = new Failures(topology, counters, engine.classify);
  const watch = new NodeWatch({
    ...shared,
    followsFailover: options.cluster.failover === 'follow',
    patienceMs: options.monitor.connectTimeoutMs,
    silenceMs: options.monitor.queryTimeoutMs,
  });
  const hidden = new HiddenServers(topology, positions, (connection) => engine.readPosition(connection));
  const reports = new HandlerReports(counters, events);
  const policy = new ReplicaWritePolicy({ ...shared, router, reports });
  const routed = new RoutedCluster({ ...shared, router, failures, writes, reads, hidden, policy });
  const { resolveReplica } = surroundings;
  const createProber = ({ driver }: ResolvedNode) =>
    new TypeormProber(probeOptions(driver, options.monitor), engine);
  const start = new StartSearch({ ...shared, logger, createNode, createProber });
  const cluster = new ReplicationCluster({
    ...shared,
    router,
    start,
    watch,
    barrier: new ReplayBarrier(shared),
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
  };
}

const BALANCING_FAILED = 'routing.balancing has failed, so that any replica reads, by weight';
const AFFINITY_FAILED = 'consistency.affinity has failed, so that clients do not keep their replica';
