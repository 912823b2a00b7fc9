import type { Clock } from './clock.js';
import type { ClusterNode } from './cluster-node.js';

/** Waits for replicas to replay a position. */
export class CatchUp {
  constructor(private readonly clock: Clock) {}

  /**
   * Asks the nodes until some are known to have replayed `position`, for at most `maxWaitMs`. Resolves to those that
   * have it; empty: none in time.
   */
  async wait<N extends ClusterNode>(
    nodes: readonly N[],
    position: bigint,
    maxWaitMs: number,
  ): Promise<readonly N[]> {
    const deadlineMs = this.clock.now() + maxWaitMs;
    for (;;) {
      const remainingMs = deadlineMs - this.clock.now();
      if (remainingMs <= 0) return [];
      await this.firstAnswer(nodes, remainingMs);
      const caughtUp = nodes.filter(({ snapshot }) => hasReplayed(snapshot.position, position));
      if (caughtUp.length > 0) return caughtUp;
    }
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
