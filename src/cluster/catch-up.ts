import type { Clock } from './clock.js';
import type { ClusterNode } from './cluster-node.js';

/** Waits for replicas to replay a position. */
export class CatchUp {
  /** Positions for which reads have waited in vain. */
  private readonly missed = new WeakMap<ClusterNode, bigint>();

  constructor(private readonly clock: Clock) {}

  /**
   * Waits for a read until some of the nodes have `position`, for at most `maxWaitMs`, and answers those; empty: none
   * in time. A node that has let a read wait in vain is asked, but not waited for, until it has what that read wanted:
   * while replay stands still or is delayed, one read waits, not all of them.
   */
  async wait<N extends ClusterNode>(
    nodes: readonly N[],
    position: bigint,
    maxWaitMs: number,
  ): Promise<readonly N[]> {
    const worthIt = nodes.filter((node) => this.isWorthWaitingFor(node));
    // Nobody waits for these answers: they make the next read find a fresh position.
    for (const node of nodes) if (!worthIt.includes(node)) void node.observer.ask();
    const caughtUp = worthIt.length === 0 ? [] : await this.until(worthIt, position, maxWaitMs);
    if (caughtUp.length === 0) for (const node of worthIt) this.missed.set(node, position);
    return caughtUp;
  }

  /** Asks the nodes until some have `position`, for at most `timeoutMs`, and answers those. */
  async until<N extends ClusterNode>(
    nodes: readonly N[],
    position: bigint,
    timeoutMs: number,
  ): Promise<readonly N[]> {
    const deadlineMs = this.clock.now() + timeoutMs;
    for (;;) {
      const remainingMs = deadlineMs - this.clock.now();
      if (remainingMs <= 0) return [];
      await this.firstAnswer(nodes, remainingMs);
      const caughtUp = nodes.filter(({ snapshot }) => hasReplayed(snapshot.position, position));
      if (caughtUp.length > 0) return caughtUp;
    }
  }

  private isWorthWaitingFor(node: ClusterNode): boolean {
    if (!tellsPosition(node)) return false;
    const missed = this.missed.get(node);
    return missed === undefined || hasReplayed(node.snapshot.position, missed);
  }

  private async firstAnswer(nodes: readonly ClusterNode[], timeoutMs: number): Promise<void> {
    const timeout = this.clock.delay(timeoutMs);
    try {
      await Promise.race([timeout.done, ...nodes.map(({ observer }) => observer.ask())]);
    } finally {
      timeout.cancel();
    }
  }
}

/** A position that is not known has not been replayed. */
export function hasReplayed(known: bigint | undefined, wanted: bigint): boolean {
  return known !== undefined && known >= wanted;
}

/** Whether a server lets our role see its positions; one that does not answer may do so later. */
export function tellsPosition({ snapshot }: ClusterNode): boolean {
  return snapshot.position !== undefined || snapshot.state !== 'usable';
}
