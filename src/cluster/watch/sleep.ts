import type { Clock } from '../../clock.js';
import type { Topology } from '../nodes/topology.js';

/** What decides whether a monitor sleeps. */
export interface SleepDeps {
  readonly clock: Clock;
  readonly topology: Topology;
  /** Between two probes. */
  readonly intervalMs: number;
}

/**
 * Lets the monitor of a cluster sleep while nothing is asked of it: no node is probed. What was known then is not relied on: the
 * query that ends the sleep, and those beside it, wait for one answer of each node.
 */
export class Sleep {
  private usedAtMs: number;
  private waking: Promise<void> | undefined;

  constructor(private readonly deps: SleepDeps) {
    this.usedAtMs = deps.clock.now();
  }

  /** Asked by the probe loops before each pause. A query that runs for long is a use. */
  get isDue(): boolean {
    const { clock, topology, intervalMs } = this.deps;
    if (this.waking || clock.now() - this.usedAtMs < SLEEP_AFTER * intervalMs) return false;
    return topology.nodes.every(({ busy }) => busy === 0);
  }

  /** Called before each use of a node; to be awaited where there is something to wait for. */
  end(): Promise<void> | undefined {
    if (this.waking) return this.waking;
    const hasSlept = this.isDue;
    this.usedAtMs = this.deps.clock.now();
    return hasSlept ? (this.waking = this.wake()) : undefined;
  }

  /** The primary first: replicas are judged by what it says. */
  private async wake(): Promise<void> {
    const { topology } = this.deps;
    await topology.primary.observer.ask();
    await Promise.all(topology.replicas.map(({ observer }) => observer.ask()));
    this.waking = undefined;
  }
}

/** Intervals without a query. */
const SLEEP_AFTER = 30;
