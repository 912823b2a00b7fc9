import { weighReplicas } from '../nodes/slow-replicas.js';
import type { Engine } from '../../engine.js';
import { hasReached, mergeKnown, type Position } from '../../position.js';
import { canServe } from '../../routing/narrow-replicas.js';
import type { KnownSnapshot, NodeState } from '../../routing/node-snapshot.js';
import type { CatchUp } from '../nodes/catch-up.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import { DeadConnections, type DeadConnectionsDeps } from './dead-connections.js';
import type { SnapshotCause } from '../../health/node-observer.js';
import { promotedNode } from './follow-failover.js';
import { PrimaryWait, type PrimaryWaitDeps } from './primary-wait.js';

/** What a watch is made of. */
export interface NodeWatchDeps extends DeadConnectionsDeps, PrimaryWaitDeps {
  readonly events: ClusterEmitter;
  readonly followsFailover: boolean;
  readonly catchUp: CatchUp;
  readonly engine: Pick<Engine, 'positions' | 'isOlder' | 'compareServers'>;
}

/** A new snapshot of a node, the one before, and why. */
interface Change {
  readonly previous: KnownSnapshot;
  readonly current: KnownSnapshot;
  readonly cause: SnapshotCause;
}

const GOOD = new Set<NodeState>(['usable']);
const FOLLOWING = new Set<NodeState>(['usable', 'lagging', 'stale']);
const DEGRADED = new Set<NodeState>(['lagging', 'suspect']);
// A probe that was missed once, and a node not seen yet, are nothing to tell anybody.
const UNDECIDED = new Set<NodeState>(['connecting', 'suspect', 'draining']);

/** How long the start waits for replicas that are late. */
const START_PATIENCE_MS = 500;

/** Starts and stops the observers, tells of what they see, and follows a failover. */
export class NodeWatch {
  /** Where new work for the primary waits for it. */
  readonly primaryWait: PrimaryWait;
  private readonly told = new WeakMap<ClusterNode, NodeState>();
  private readonly dead: DeadConnections;
  /** The primary has not said yet where it was at the start, or when the first replica was added. */
  private floorIsDue = false;
  /** Those that join right behind the first one wait for the floor with it. */
  private floorAsked: Promise<void> | undefined;
  /** When the application closes, replicas that are being removed are waited for no longer than all others. */
  private lastDrainAtMs = Infinity;
  /** Nodes that were seen to replay what a primary writes. */
  private readonly followers = new WeakSet<ClusterNode>();

  constructor(private readonly deps: NodeWatchDeps) {
    this.dead = new DeadConnections(deps);
    this.primaryWait = new PrimaryWait(deps);
  }

  /** The primary first: replicas are judged by what it says, and none is read before it has the primary's position of now. */
  async startAll(): Promise<void> {
    const { topology } = this.deps;
    this.floorIsDue = true;
    await this.start(topology.primary);
    await Promise.all(topology.replicas.map((node) => this.start(node)));
    await this.judgeAhead();
    if (this.floorIsDue) this.setFloorByReplicas();
    const { floor } = topology.terms;
    if (floor !== undefined) await this.untilReplayed(floor);
    this.primaryWait.open();
  }

  /** Watches a node that is new. What was written without replicas has left no tokens: the first must have it all. */
  async startAnother(node: ClusterNode): Promise<void> {
    const { topology } = this.deps;
    if (topology.replicas.length === 1) {
      this.floorIsDue = true;
      this.floorAsked = topology.primary.observer.hint();
    }
    await this.floorAsked;
    await this.start(node);
    await this.judgeAhead();
  }

  /** A replica ahead of the primary mostly has what was written since that was asked, but perhaps what it never had. */
  private async judgeAhead(): Promise<void> {
    const { primary, replicas } = this.deps.topology;
    const { position: head } = primary.snapshot.place;
    if (head === undefined) return;
    const { positions } = this.deps.engine;
    const isAhead = ({ snapshot }: ClusterNode) => !hasReached(positions, head, snapshot.place.position);
    if (replicas.some(isAhead)) await this.judgeReplicas();
  }

  /** By its first answer, which may come late. */
  private setFloor({ place }: KnownSnapshot): void {
    const { topology } = this.deps;
    topology.terms = { ...topology.terms, floor: place.position ?? topology.terms.floor };
    this.floorIsDue = false;
  }

  /** While the primary is away, no replica may show less than another one has. Once it is back, its own word counts. */
  private setFloorByReplicas(): void {
    const { topology, engine } = this.deps;
    const floor = topology.replicas
      .filter(({ snapshot }) => canServe(snapshot))
      .map(({ snapshot }) => snapshot.place.position)
      .reduce((highest, one) => mergeKnown(engine.positions, highest, one), undefined);
    topology.terms = { ...topology.terms, floor };
  }

  /** A replica a moment behind would not be read before its next probe: it is asked again, for a while. */
  private async untilReplayed(floor: Position): Promise<void> {
    const { topology, catchUp } = this.deps;
    const late = topology.replicas.filter((node) => {
      const { state, place } = node.snapshot;
      return GOOD.has(state) && place.position !== undefined && !catchUp.hasReplayed(node, floor);
    });
    await Promise.all(late.map((node) => catchUp.until([node], floor, START_PATIENCE_MS)));
  }

  async start(node: ClusterNode): Promise<void> {
    node.observer.onChange((previous, current, cause) => this.changed(node, { previous, current, cause }));
    await node.observer.start();
  }

  async stopAll(): Promise<void> {
    this.primaryWait.close();
    await Promise.all(this.deps.topology.nodes.map((node) => this.stop(node)));
  }

  /** Looks once more at a node on which queries run: whether they are worth waiting for. */
  private async stop({ busy, observer }: ClusterNode): Promise<void> {
    if (busy > 0) await observer.hint();
    if (busy > 0 && observer.snapshot.state === 'suspect') await observer.hint();
    await observer.stop();
  }

  /** Waits for what runs on the node, for at most `drainMs`, then ends it. What hangs on a silent server is not waited for. */
  async drain(node: ClusterNode, drainMs: number): Promise<void> {
    node.observer.drain();
    if (node.busy > 0) void node.observer.hint();
    await this.untilIdle(node, drainMs);
    if (node.busy > 0) {
      node.endReads();
      // Their callers hear of a lost connection, and go on elsewhere, before the pool closes.
      await this.untilIdle(node, LET_GO_MS);
    }
    await node.observer.stop();
  }

  /** The same for all nodes, which stay what they are. Nobody waits for a server that does not answer. */
  async drainAll(): Promise<void> {
    const { nodes } = this.deps.topology;
    this.lastDrainAtMs = this.deps.clock.now() + DRAIN_MS;
    for (const node of nodes.filter(({ snapshot }) => snapshot.state === 'unreachable')) {
      node.shut('read-only');
      node.shut('writable');
    }
    await Promise.all(nodes.map((node) => this.untilIdle(node, DRAIN_MS)));
  }

  private async untilIdle(node: ClusterNode, drainMs: number): Promise<void> {
    const { clock } = this.deps;
    const deadlineMs = clock.now() + drainMs;
    while (node.busy > 0 && clock.now() < Math.min(deadlineMs, this.lastDrainAtMs))
      await clock.delay(DRAIN_CHECK_MS).done;
  }

  private changed(node: ClusterNode, { previous, current, cause }: Change): void {
    if (previous.state !== current.state) this.stateChanged(node, current);
    if (cause === 'probe-failed') this.dead.probeFailed(node);
    if (cause === 'probe-answered') this.probeAnswered(node, { previous, current });
    if (this.deps.followsFailover) this.follow();
  }

  private probeAnswered(node: ClusterNode, { previous, current }: Omit<Change, 'cause'>): void {
    const isPrimary = node === this.deps.topology.primary && GOOD.has(current.state);
    if (this.floorIsDue && isPrimary) this.setFloor(current);
    const before = previous.place.history;
    const isOther = before !== undefined && before !== current.place.history;
    if (isPrimary && isOther) void this.judgeReplicas();
    if (node !== this.deps.topology.primary && FOLLOWING.has(current.state)) this.followers.add(node);
    this.dead.probeAnswered(node);
    const { group } = node.settings; // the reads of other groups are of another kind
    weighReplicas(this.deps.topology.replicas.filter(({ settings }) => settings.group === group));
    if (isPrimary) this.primaryWait.primaryAnswered();
  }

  private stateChanged(node: ClusterNode, { state }: KnownSnapshot): void {
    if (state === 'unreachable') this.dead.lost(node);
    else if (state !== 'draining') this.dead.back(node);
    // Sessions opened before the demotion must not be used: new connections prove that they have reached a primary.
    if (state === 'is-replica') node.cut();
    if (state === 'is-replica') void this.judgeReplicas(); // of which one was perhaps promoted
    if (UNDECIDED.has(state) || this.told.get(node) === state) return;
    const before = this.told.get(node);
    this.told.set(node, state);
    if (node === this.deps.topology.primary) this.tellOfPrimary(node, before);
    else this.tellOfReplica(node);
  }

  private tellOfPrimary({ name, snapshot }: ClusterNode, before: NodeState | undefined): void {
    const { events } = this.deps;
    if (!GOOD.has(snapshot.state))
      events.emit('primaryLost', { node: name, state: snapshot.state, detail: snapshot.detail });
    else if (before) events.emit('primaryRecovered', { node: name });
  }

  private tellOfReplica({ name, snapshot: { state, detail } }: ClusterNode): void {
    const { events } = this.deps;
    if (GOOD.has(state)) events.emit('replicaRecovered', { node: name });
    else if (DEGRADED.has(state)) events.emit('replicaDegraded', { node: name, state, detail });
    else events.emit('replicaEjected', { node: name, state, detail });
  }

  private follow(): void {
    const { topology, events, engine } = this.deps;
    const former = topology.primary;
    const promoted = promotedNode(former.snapshot, topology.replicas, {
      isOlder: engine.isOlder,
      hasFollowed: (node) => this.followers.has(node) && this.isAnotherServer(node, former),
    });
    if (!promoted) return;
    topology.makePrimary(promoted);
    const { timeline } = promoted.snapshot;
    events.emit('primaryChanged', { from: former.name, to: promoted.name, timeline });
    for (const node of [former, promoted]) void node.observer.roleChanged();
    void this.judgeReplicas();
    former.cut();
  }

  private isAnotherServer(a: ClusterNode, b: ClusterNode): boolean {
    const [id, other] = [a.observer.facts.serverId, b.observer.facts.serverId];
    return (
      id === undefined || other === undefined || this.deps.engine.compareServers(id, other) === 'another'
    );
  }

  /** Whether they have replayed what the primary never had: by what it says now of all that they have said before. */
  private async judgeReplicas(): Promise<void> {
    const { primary, replicas } = this.deps.topology;
    await primary.observer.hint();
    await Promise.all(replicas.map(({ observer }) => observer.hint()));
  }
}

/** For running queries to finish, before their connections are cut. */
export const DRAIN_MS = 10_000;
const DRAIN_CHECK_MS = 20;
/** For callers whose queries were ended to let go of their connections. */
const LET_GO_MS = 1_000;
