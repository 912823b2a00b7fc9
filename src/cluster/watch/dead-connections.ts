import type { Clock } from '../../clock.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import type { Topology } from '../nodes/topology.js';

/** How long hanging connections are left alone. */
export interface DeadConnectionsDeps {
  readonly topology: Topology;
  readonly clock: Clock;
  /** How long the primary may be unreachable before the transactions running on it are given up. */
  readonly patienceMs: number;
  /** How long a session that lives through an outage of the primary may hear nothing from its start. */
  readonly unheardMs: number;
}

/** Ends connections on which no answer comes any more, so that nobody waits on them without an end. */
export class DeadConnections {
  private readonly lostAtMs = new WeakMap<ClusterNode, number>();
  /** Nodes that are drained, and have missed a probe. */
  private readonly doubted = new WeakSet<ClusterNode>();

  constructor(private readonly deps: DeadConnectionsDeps) {}

  /**
   * What hangs on a server that is gone fails now, so that reads go on elsewhere instead of waiting for a time-out.
   * Writes cannot go elsewhere: they are given more time. Not after a request's failure alone: one lost connection says
   * nothing of the others.
   */
  probeFailed(node: ClusterNode): void {
    // They may be dead with the probe's, and hold nothing: the next one that took one of them would hang.
    node.cutIdle();
    const { topology, clock, patienceMs } = this.deps;
    if (!this.isGone(node)) return;
    node.shut('read-only');
    const lostAtMs = this.lostAtMs.get(node) ?? clock.now();
    if (node !== topology.primary || clock.now() - lostAtMs >= patienceMs) node.shut('writable');
  }

  /** One that is drained has no other state any more: it is asked once more. */
  private isGone(node: ClusterNode): boolean {
    const { snapshot, observer } = node;
    if (snapshot.state !== 'draining') return snapshot.state === 'unreachable';
    const isSecond = this.doubted.has(node);
    this.doubted.add(node);
    if (!isSecond) void observer.hint();
    return isSecond;
  }

  lost(node: ClusterNode): void {
    const nowMs = this.deps.clock.now();
    this.lostAtMs.set(node, nowMs);
    node.pools.writable.connections.noteHeard(nowMs);
  }

  /** The server can be reached again: new connections may be made. */
  back(node: ClusterNode): void {
    node.reopen();
    this.lostAtMs.delete(node);
  }

  /** The server is there. A session that hears nothing all the same has lost its way to it: its network forgot it. */
  probeAnswered(node: ClusterNode): void {
    this.doubted.delete(node);
    const { clock, unheardMs } = this.deps;
    node.pools.writable.connections.cutUnheard(clock.now() - unheardMs);
  }
}
