import { hasReached, type Position, type Positions } from '../../position.js';
import type { Clock } from '../../clock.js';
import type { ClusterNode } from './cluster-node.js';

/** Waits for replicas to replay a position. */
export class CatchUp {
  /** Of each node, the position that it had not replayed when a read had waited for it. */
  private readonly missed = new WeakMap<ClusterNode, Position>();

  constructor(
    private readonly clock: Clock,
    private readonly positions: Positions,
  ) {}

  /**
   * Waits for a read until some of the nodes have `position`, for at most `maxWaitMs`, and answers those; empty: none
   * in time. A node that has let one read wait without success is asked, but not waited for, until it has what that
   * read wanted: while replay stands still or is delayed, one read waits, not all of them.
   */
  async wait<N extends ClusterNode>(
    nodes: readonly N[],
    position: Position,
    maxWaitMs: number,
  ): Promise<readonly N[]> {
    const worthIt = nodes.filter((node) => this.isWorthWaitingFor(node));
    // Not awaited: these answers are for the next read, which then finds a fresh position.
    for (const node of nodes) if (!worthIt.includes(node)) void node.observer.ask();
    const caughtUp = worthIt.length === 0 ? [] : await this.until(worthIt, position, maxWaitMs);
    if (caughtUp.length === 0) for (const node of worthIt) this.missed.set(node, position);
    return caughtUp;
  }

  /** Asks the nodes until some have `position`, for at most `timeoutMs`, and answers those. */
  async until<N extends ClusterNode>(
    nodes: readonly N[],
    position: Position,
    timeoutMs: number,
  ): Promise<readonly N[]> {
    const limit = this.clock.delay(timeoutMs);
    const search = { isOver: false };
    void limit.done.then(() => (search.isOver = true));
    const caughtUp = () => nodes.filter((node) => this.hasReplayed(node, position));
    const ask = async (node: N, index: number): Promise<void> => {
      // Spread over the period: together they are asked more often than one node may be.
      await this.clock.delay(FIRST_ASK_MS + (ASK_PERIOD_MS / nodes.length) * index).done;
      while (!search.isOver && caughtUp().length === 0) {
        // One that gives no answer will not before the time is over.
        if (!(await node.observer.ask())) return limit.done;
      }
    };
    try {
      await Promise.race([limit.done, ...nodes.map(ask)]);
      return caughtUp();
    } finally {
      search.isOver = true;
      limit.cancel();
    }
  }

  /** Whether a node is known to have replayed a position. */
  hasReplayed({ snapshot }: ClusterNode, position: Position): boolean {
    return hasReached(this.positions, snapshot.place.position, position);
  }

  private isWorthWaitingFor(node: ClusterNode): boolean {
    if (!tellsPosition(node)) return false;
    const missed = this.missed.get(node);
    return missed === undefined || this.hasReplayed(node, missed);
  }
}

/** A replica on the same network has most commits by then; asked at once, it mostly has not, and is not asked again soon. */
const FIRST_ASK_MS = 2;
/** How often one node may be asked, see `ProbeLoop`. */
const ASK_PERIOD_MS = 20;

/** Whether a server lets our role see its positions; one that does not answer may do so later. */
export function tellsPosition({ snapshot }: ClusterNode): boolean {
  return snapshot.place.position !== undefined || snapshot.state !== 'usable';
}
