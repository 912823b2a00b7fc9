import type { Position, Positions } from '../../position.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Lease } from '../nodes/lease.js';

/** What a verification is made of. */
export interface VerificationDeps {
  /** `consistency.verify`. */
  readonly share: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly positions: Positions;
  /** What the server of a connection has replayed. */
  readonly ask: (connection: unknown) => Promise<Position | undefined>;
  readonly counters: RouteCounters;
  readonly events: ClusterEmitter;
}

/** A read that was let through by a token, with the connection that it got. */
export interface VerifiedRead {
  readonly lease: Lease;
  readonly connection: unknown;
  readonly handler: string | undefined;
}

/** Asks the very connections of some reads for what routing has concluded from snapshots (`consistency.verify`). */
export class Verification {
  constructor(private readonly deps: VerificationDeps) {}

  /** Whether the read of a lease is one of those. */
  draws({ required }: Lease): boolean {
    return required !== undefined && this.deps.random() < this.deps.share;
  }

  /** Whether the server has what the client has written. One that does not tell is believed. */
  async isKept({ lease, connection, handler }: VerifiedRead): Promise<boolean> {
    const { node, required } = lease;
    const { positions, counters, events, ask } = this.deps;
    const found = await ask(connection);
    const isKnown = found !== undefined && required !== undefined;
    if (!isKnown || positions.covers(found, required)) {
      counters.verifiedReads[isKnown ? 'kept' : 'unknown'] += 1;
      return true;
    }
    if (lease.isOutdated) return false; // a restart that is known by now: the choice is made again
    counters.verifiedReads.broken += 1;
    // What was known of the server is not so.
    node.observer.restarted();
    const [wanted, has] = [required, found].map((position) => positions.format(position)) as [string, string];
    events.emit('guaranteeBroken', { node: node.name, handler, required: wanted, found: has });
    return false;
  }
}
