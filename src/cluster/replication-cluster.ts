import { isRouted, type ResolvedOptions, type ResolvedRouting } from '../options/resolved-options.js';
import type { RoutingMode } from '../options/options.js';
import type { History } from '../position.js';
import type { NodeSnapshot } from '../routing/node-snapshot.js';
import type { Route } from '../routing/route.js';
import { describeConnections } from './describe-connections.js';
import { clusterMetrics, type MetricsOptions } from './metrics/cluster-metrics.js';
import type { Metric } from './metrics/metric.js';
import type { Clock } from '../clock.js';
import type { Engine } from '../engine.js';
import type { EventLog, EventLogger } from './events/event-log.js';
import type { ClusterEmitter, ClusterEventName, ClusterListener } from './events/cluster-events.js';
import type { ControlLoop } from './watch/control-loop.js';
import type { Membership, RemoveReplicaOptions } from './membership/membership.js';
import type { ReplicaDiscovery } from './membership/replica-discovery.js';
import type { NodeWatch } from './watch/node-watch.js';
import type { Sleep } from './watch/sleep.js';
import type { StartPlace, StartSearch } from './watch/start-search.js';
import type { HandlerReport, HandlerTallies } from './events/handler-tallies.js';
import type { ReplicationStats, RouteCounters } from './events/route-counters.js';
import type { Rollout } from './routing/rollout.js';
import type { Router } from './routing/router.js';
import type { ReplayBarrier, WhenReplayedOptions } from './tokens/replay-barrier.js';
import { serviceLevelOf, type ServiceLevel } from './service-level.js';
import type { Topology } from './nodes/topology.js';

/** What a cluster is made of. */
export interface ReplicationClusterDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly router: Router;
  readonly rollout: Rollout;
  /** `undefined`: there is no `routing.control`. */
  readonly control: ControlLoop | undefined;
  readonly counters: RouteCounters;
  readonly handlers: HandlerTallies;
  readonly events: ClusterEmitter;
  readonly start: StartSearch;
  readonly watch: NodeWatch;
  readonly sleep: Sleep | undefined;
  readonly barrier: ReplayBarrier;
  readonly membership: Membership;
  readonly discovery: ReplicaDiscovery;
  readonly logger: EventLogger;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly engine: Pick<Engine, 'connector'>;
}

/**
 * A primary and its replicas, as operators see them.
 *
 * ```ts
 * constructor(@InjectCluster() private readonly cluster: ReplicationCluster) {}
 * health() { return this.cluster.nodes.map(({ name, state, lagMs }) => ({ name, state, lagMs })); }
 * ```
 */
export class ReplicationCluster {
  // Private to the engine as well, so that printing a cluster tells no password.
  readonly #deps: ReplicationClusterDeps;

  constructor(deps: ReplicationClusterDeps) {
    this.#deps = deps;
  }

  /** Name of the cluster. */
  get name(): string {
    return this.#deps.options.name;
  }

  /** What is known of every node, the primary first. */
  get nodes(): readonly NodeSnapshot[] {
    return this.#deps.topology.snapshots;
  }

  /** `routing.mode`, which may be set at run time: `'route'`, `'observe'` or `'primary-only'`. */
  get mode(): RoutingMode {
    return this.#deps.rollout.mode;
  }

  set mode(mode: RoutingMode) {
    this.#deps.rollout.setMode(mode);
  }

  /** `routing.share`, which may be set at run time: 0 to 1. */
  get share(): number {
    return this.#deps.rollout.share;
  }

  set share(share: number) {
    this.#deps.rollout.setShare(share);
  }

  /** Counters since the start. */
  stats(): ReplicationStats {
    return this.#deps.counters.read();
  }

  /**
   * What handlers have done since the start, at most 1,000 of them: after a time in mode `'observe'`, their `advice` is the list
   * of those to mark, and of those that could read replicas.
   */
  handlers(): readonly HandlerReport[] {
    return this.#deps.handlers.read();
  }

  /**
   * Everything that is measured, for whatever exports metrics: counters since the start, and the nodes as they are now.
   * The answer can be kept, since each metric reads its `points` when they are asked for.
   *
   * ```ts
   * for (const { name, points } of cluster.metrics()) for (const { labels, value } of points) send(name, labels, value);
   * ```
   */
  metrics(options: MetricsOptions = {}): readonly Metric[] {
    return clusterMetrics(this.#deps, this.name, options);
  }

  /**
   * Calls `listener` with every choice of a server, in the query's own context. Returns a function that ends it. What the
   * listener throws, or rejects with, is logged, once, and the query goes on.
   */
  onRoute(listener: (route: Route) => void): () => void {
    return this.#deps.router.onRoute(listener);
  }

  /** Calls `listener` with every event of that name. Returns a function that ends it. */
  on<Name extends ClusterEventName>(name: Name, listener: ClusterListener<Name>): () => void {
    return this.#deps.events.on(name, listener);
  }

  /**
   * Resolves when all usable replicas have replayed what the token stands for: await it before publishing an event,
   * purging a cache or calling a webhook. Without a token it resolves at once.
   *
   * @throws {@link UsageError} when the token is not one of this cluster, or time is over.
   */
  async whenReplayed(token: string | undefined, options: WhenReplayedOptions = {}): Promise<void> {
    await this.#deps.sleep?.end();
    return this.#deps.barrier.whenReplayed(token, options);
  }

  /**
   * Adds a replica, written as in `replicas` of the options. It serves reads once it is seen to be well; resolves after
   * the first look at it.
   *
   * @throws {@link InvalidOptionsError} for wrong options or a name that is taken.
   * @throws {@link UsageError} while the application starts, or once it closes.
   */
  async addReplica(replica: object): Promise<void> {
    await this.#deps.membership.add(replica);
  }

  /**
   * Removes a replica: from the call on its state is `'draining'`, and no new query goes to it; running ones finish within
   * `drainMs`, or end there and go on elsewhere if they can; then its pools close. Resolves when it is gone.
   *
   * ```ts
   * await cluster.removeReplica('replica-2', { drainMs: 60_000 });
   * ```
   *
   * @throws {@link UsageError} for a name that is no replica's.
   * @throws {@link InvalidOptionsError} for a `drainMs` that is no time.
   */
  async removeReplica(name: string, options?: RemoveReplicaOptions): Promise<void> {
    await this.#deps.membership.remove(name, options);
  }

  /** @internal What the options say of routing. */
  get routing(): ResolvedRouting {
    return this.#deps.options.routing;
  }

  /** @internal Whether there is anything to route. */
  get isActive(): boolean {
    return isRouted(this.#deps.options);
  }

  /** @internal What it can do now; `undefined`: nothing is monitored. */
  get serviceLevel(): ServiceLevel | undefined {
    if (!this.isActive) return undefined;
    const { topology, sleep } = this.#deps;
    void sleep?.end(); // whatever asks will ask again
    const replicas = topology.replicas.map(({ snapshot }) => snapshot);
    const { terms, primary } = topology;
    const mode = this.share === 0 ? 'primary-only' : this.mode;
    return serviceLevelOf({ mode, primary: primary.snapshot, replicas, terms });
  }

  /** @internal The newest that a primary was seen on. */
  get newestHistory(): History | undefined {
    return this.#deps.topology.primary.snapshot.place.history;
  }

  /** @internal Finds the node on which the application starts, which `dial` is told before any pool is made. */
  findStart(dial: (place: StartPlace) => void): Promise<void> {
    return this.#deps.start.run(dial);
  }

  /** @internal Looks at every node for the first time. */
  async start(): Promise<void> {
    if (!this.isActive) return;
    const { watch, control, membership, discovery, logger, topology, options } = this.#deps;
    await Promise.all([watch.startAll(), control?.start()]);
    membership.open();
    await discovery.start();
    logger.log(describeConnections(topology, options));
  }

  /** @internal Monitors stop first, then running queries finish, then the pools are closed: all within bounds. */
  async stop(): Promise<void> {
    if (!this.isActive) return;
    const { watch, control, membership, discovery, topology, log } = this.#deps;
    control?.stop();
    discovery.stop();
    membership.close();
    await watch.stopAll();
    await watch.drainAll();
    await Promise.all([...topology.nodes.map((node) => node.close()), membership.removed()]);
    log.close();
  }
}
