import type { DataSource } from 'typeorm';
import { createProblemReport, reportOnce } from '../../cluster/events/problem-reports.js';
import { CatchUp } from '../../cluster/nodes/catch-up.js';
import { ClientTokens } from '../../cluster/tokens/client-tokens.js';
import { systemClock } from '../../clock.js';
import { ClusterEmitter } from '../../cluster/events/cluster-events.js';
import { EventLog, type EventLogger } from '../../cluster/events/event-log.js';
import { Failures, type FailuresDeps } from '../../cluster/routing/failures.js';
import { HandlerReports } from '../../cluster/events/handler-reports.js';
import { HandlerTallies } from '../../cluster/events/handler-tallies.js';
import { HiddenServers } from '../../cluster/nodes/hidden-servers.js';
import { messageOf } from '../../message-of.js';
import { StartSearch } from '../../cluster/watch/start-search.js';
import { noteEvents } from '../../cluster/metrics/note-events.js';
import { ControlLoop } from '../../cluster/watch/control-loop.js';
import { NodeWatch, type NodeWatchDeps } from '../../cluster/watch/node-watch.js';
import { ReadRecorder } from '../../cluster/tokens/read-recorder.js';
import { Membership, type MembershipDeps } from '../../cluster/membership/membership.js';
import { ReplicaDiscovery } from '../../cluster/membership/replica-discovery.js';
import { ReplicationCluster } from '../../cluster/replication-cluster.js';
import { RouteCounters } from '../../cluster/events/route-counters.js';
import { Rollout } from '../../cluster/routing/rollout.js';
import { Router, type RouterDeps } from '../../cluster/routing/router.js';
import { ReplayBarrier } from '../../cluster/tokens/replay-barrier.js';
import { UnitTokens } from '../../cluster/tokens/unit-tokens.js';
import { Topology } from '../../cluster/nodes/topology.js';
import { Verification, type VerificationDeps } from '../../cluster/tokens/verification.js';
import { WriteRecorder } from '../../cluster/tokens/write-recorder.js';
import type { CarrierDeps } from '../../http/create-carriers.js';
import type { TokenSenderDeps } from '../../http/token-sender.js';
import type { TokenSink } from '../../cluster/tokens/token-sink.js';
import type { Carrier } from '../../tokens/carrier.js';
import type { Positions } from '../../position.js';
import { createKeyring } from '../../tokens/keyring.js';
import type { Connections } from '../../connector.js';
import { createEngine } from '../../engines/create-engine.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { createBalancer } from '../../routing/balancers/create-balancer.js';
import { ClientAffinity } from '../../routing/client-affinity.js';
import { compileRouteRules } from '../../routing/route-rules.js';
import { createNodeFactory } from './create-node.js';
import { Sleep } from '../../cluster/watch/sleep.js';
import type { SharedLoops } from '../../health/shared-loops.js';
import { ReplicaWritePolicy } from '../../typeorm/replica-write-policy.js';
import type { RoutedCluster } from '../../typeorm/routed-cluster.js';

/** What of a cluster comes from outside. */
export interface ClusterSurroundings extends Pick<MembershipDeps, 'resolveReplica' | 'addressOf'> {
  readonly logger: EventLogger;
  readonly createCarriers: (deps: CarrierDeps) => readonly Carrier[];
  readonly createSink: (deps: TokenSenderDeps) => TokenSink;
  /** Of DataSources that are made on demand: their monitors sleep. */
  readonly sharedLoops?: SharedLoops | undefined;
}

/** A cluster, composed. */
export interface ComposedCluster {
  readonly cluster: ReplicationCluster;
  readonly routed: RoutedCluster;
  readonly topology: Topology;
  readonly router: Router;
  readonly requirements: ClientTokens;
  readonly tokens: UnitTokens;
}

/** Puts together what serves a routed DataSource. The only place that knows all parts. */
export function composeCluster(
  dataSource: DataSource & { readonly ownConnections?: Connections },
  options: ResolvedOptions,
  { logger, createCarriers, createSink, sharedLoops: loops, ...reading }: ClusterSurroundings,
): ComposedCluster {
  const clock = systemClock;
  const engine = createEngine(options);
  const { positions } = engine;
  const counters = new RouteCounters();
  const onListenerFailed = (of: string, error: unknown) =>
    logger.error(`A listener of ${of} has failed: ${messageOf(error)}`);
  const events = new ClusterEmitter(onListenerFailed);
  const log = new EventLog(events, logger, clock);
  noteEvents(options.name, { events, counters });
  const topology = createTopology(options, positions);
  const sleep = loops && new Sleep({ clock, topology, ...options.monitor });
  const onDemand = loops && sleep && { loops, sleep };
  const createNode = createNodeFactory({ dataSource, options, engine, topology, events, onDemand });
  for (const settings of [options.primary, ...options.replicas]) topology.add(createNode(settings));
  const catchUp = new CatchUp(clock, positions);

  const keyring = createKeyring(options.consistency.secrets);
  const onProblem = createProblemReport(events, clock);
  const carriers = createCarriers({ options, keyring, positions, now: clock.now, onProblem });
  const tokens = new UnitTokens({ options, keyring, positions });
  const sink = createSink({ options, carriers, tokens, counters, events, onCarrierProblem: onProblem });
  const writes = new WriteRecorder({ options, topology, positions, counters, clock, sink });
  const reads = new ReadRecorder({ options, topology, positions, clock, carriers, sink });
  const requirements = new ClientTokens(
    { consistency: options.consistency, keyring, positions, topology, counters, clock, onProblem },
    carriers,
  );

  const handlers = new HandlerTallies();
  const parts = { options, topology, requirements, catchUp, counters, clock, handlers };
  const routing = createRouting(parts, events, (error) => onListenerFailed('onRoute', error));
  const failures = createFailures(options, { topology, counters, engine, events });
  const hidden = new HiddenServers({ topology, positions, engine, events });
  const reports = new HandlerReports(options.name, counters, events);
  const policy = new ReplicaWritePolicy({ options, engine, ...routing, counters, reports });
  const watch = createWatch(options, { topology, clock, events, catchUp, engine });
  const verification = createVerification(options, { positions, counters, events, ask: engine.readPosition });
  const serving = { options, engine, ...routing, failures, writes, reads, hidden, verification, policy };
  const routed: RoutedCluster = { ...serving, primaryWait: watch.primaryWait, sleep };
  const start = new StartSearch({ options, topology, engine, clock, events, logger, createNode });
  const barrier = new ReplayBarrier({ options, keyring, positions, topology, catchUp, clock });
  const membership = new Membership({ ...reading, options, topology, events, watch, createNode });
  const discovery = new ReplicaDiscovery({ options, topology, membership, events, clock });
  const watched = { start, watch, membership, discovery, barrier, logger, log };
  const cluster = new ReplicationCluster({ ...parts, ...routing, ...watched, engine, events, sleep });
  return { cluster, routed, topology, router: routing.router, requirements, tokens };
}

function createTopology(
  { primary, monitor, routing, cluster, consistency }: ResolvedOptions,
  positions: Positions,
): Topology {
  const topology = new Topology(primary.name, {
    snapshotMaxAgeMs: 3 * monitor.intervalMs,
    staleAfterMs: monitor.hardMaxLagMs + monitor.intervalMs,
    pinMs: consistency.pinMs,
    positions,
    allowsFallback: routing.primaryFallbackMax > 0,
    onReplicaWrite: routing.onReplicaWrite,
    zone: routing.zone,
    mayDiscover: cluster.discover !== undefined,
    whenPrimaryDown: cluster.whenPrimaryDown,
  });
  topology.own = primary;
  return topology;
}

type RouterParts = Omit<RouterDeps, 'affinity' | 'rollout' | 'balancer' | 'ruleOf' | 'onListenerFailed'>;

/** What decides and carries out routes, how far that is switched on, and what may change it. */
interface Routing {
  readonly router: Router;
  readonly rollout: Rollout;
  readonly control: ControlLoop | undefined;
}

function createRouting(
  parts: RouterParts,
  events: ClusterEmitter,
  onListenerFailed: RouterDeps['onListenerFailed'],
): Routing {
  const { routing, consistency } = parts.options;
  const affinity =
    consistency.affinity && new ClientAffinity(consistency.affinity, reportOnce(events, AFFINITY_FAILED));
  const rollout = new Rollout({ start: routing, affinity, events, random: Math.random });
  const router = new Router({
    ...parts,
    affinity,
    rollout,
    balancer: createBalancer(routing.balancing, Math.random, reportOnce(events, BALANCING_FAILED)),
    ruleOf: compileRouteRules(routing.rules),
    onListenerFailed,
  });
  return { router, rollout, control: createControl(parts.options, rollout, events) };
}

function createControl(
  { routing: { control: ask }, monitor: { intervalMs, timeoutMs } }: ResolvedOptions,
  rollout: Rollout,
  events: ClusterEmitter,
): ControlLoop | undefined {
  if (!ask) return undefined;
  return new ControlLoop({
    ask,
    follow: (answer) => rollout.follow(answer),
    onProblem: (problem) =>
      events.emit('promiseWeakened', { node: undefined, detail: `${CONTROL_FAILED}: ${problem}` }),
    clock: systemClock,
    random: Math.random,
    intervalMs,
    timeoutMs,
  });
}

function createVerification(
  { consistency: { verify: share } }: ResolvedOptions,
  deps: Omit<VerificationDeps, 'share' | 'random'>,
): Verification | undefined {
  return share > 0 ? new Verification({ ...deps, share, random: Math.random }) : undefined;
}

type Failing = Pick<FailuresDeps, 'topology' | 'counters' | 'engine'>;

function createFailures(
  options: ResolvedOptions,
  { events, ...failing }: Failing & { readonly events: ClusterEmitter },
): Failures {
  return new Failures({ ...failing, options, onSetUpFailed: reportOnce(events, SET_UP_FAILED) });
}

type Watched = Pick<NodeWatchDeps, 'topology' | 'clock' | 'events' | 'catchUp' | 'engine'>;

function createWatch({ cluster, monitor }: ResolvedOptions, watched: Watched): NodeWatch {
  return new NodeWatch({
    ...watched,
    followsFailover: cluster.failover === 'follow',
    primaryWaitMs: cluster.primaryWaitMs,
    patienceMs: monitor.connectTimeoutMs,
    unheardMs: monitor.queryTimeoutMs,
  });
}

const BALANCING_FAILED = 'routing.balancing has failed, so that any replica reads, by weight';
const SET_UP_FAILED = 'A session could not be set up, so that other servers are asked in its place';
const AFFINITY_FAILED = 'consistency.affinity has failed, so that clients do not keep their replica';
const CONTROL_FAILED = 'routing.control has failed, so that mode and share stay what they are';
