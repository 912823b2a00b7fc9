import type { Clock } from './clock.js';
import type { ClusterNode } from './cluster-node.js';
import type { Topology } from './topology.js';

/** How long hanging connections are left alone. */
export interface DeadConnectionsParts {
  readonly topology: Topology;
  readonly clock: Clock;
  /** How long the primary may be unreachable before the transactions running on it are given up. */
  readonly patienceMs: number;
  /** How long a session that lived through an outage of the primary may hear nothing after it. */
  readonly silenceMs: number;
}

/** Ends connections on which nobody will answer any more, so that whoever waits on them does not wait for ever. */
export class DeadConnections {
  private readonly lostAtMs = new WeakMap<ClusterNode, number>();
  private readonly backAtMs = new WeakMap<ClusterNode, number>();

  constructor(private readonly parts: DeadConnectionsParts) {}

  /**
   * What hangs on a server that is gone fails now, so that reads go on elsewhere instead of waiting for a time-out.
   * Writes cannot go elsewhere: they are given more time. Not after a request's failure alone: one lost connection says
   * nothing of the others.
   */
  probeFailed(node: ClusterNode): void {
    // They may be dead with the probe's, and hold nothing: whoever took one of them next would hang.
    node.cutIdle();
    const { topology, clock, patienceMs } = this.parts;
    if (node.snapshot.state !== 'unreachable') return;
    node.refuse('read-only');
    const lostAtMs = this.lostAtMs.get(node) ?? clock.now();
    if (node !== topology.primary || clock.now() - lostAtMs >= patienceMs) node.refuse('writable');
  }

  lost(node: ClusterNode): void {
    this.lostAtMs.set(node, this.parts.clock.now());
    this.backAtMs.delete(node);
    node.pool('writable').connections.noteHeard();
  }

  /** The server can be reached again: new connections may be made. */
  back(node: ClusterNode): void {
    node.allow();
    if (this.lostAtMs.delete(node)) this.backAtMs.set(node, this.parts.clock.now());
  }

  /** The server is there. A session that hears nothing all the same has lost its way to it: its network forgot it. */
  probeAnswered(node: ClusterNode): void {
    const { clock, silenceMs } = this.parts;
    const backAtMs = this.backAtMs.get(node);
    if (backAtMs === undefined || clock.now() - backAtMs < silenceMs) return;
    this.backAtMs.delete(node);
    node.pool('writable').connections.cutUnheard();
  }
}
