import { NoReplicaAvailableError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Clock } from '../../clock.js';
import { hasReached } from '../../position.js';
import type { Route } from '../../routing/route.js';
import type { Topology } from '../nodes/topology.js';
import { Semaphore, type ReleasePermit } from './semaphore.js';

/** What the permits are made of. */
export interface FallbackPermitsDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly clock: Clock;
}

/** How many reads that no replica may serve the primary serves at a time, so that writes keep their share. */
export class FallbackPermits {
  /** Its permits. */
  readonly semaphore: Semaphore;

  constructor(private readonly deps: FallbackPermitsDeps) {
    const { options, clock } = deps;
    this.semaphore = new Semaphore({
      max: Math.max(1, options.routing.primaryFallbackMax),
      maxWaitMs: options.monitor.connectTimeoutMs,
      clock,
    });
  }

  /** A permit for one read. @throws NoReplicaAvailableError when none is free in time. */
  take(): ReleasePermit | Promise<ReleasePermit> {
    const permit = this.semaphore.take();
    return permit instanceof Promise ? permit.then((release) => release ?? this.giveUp()) : permit;
  }

  /**
   * Whether the primary may be asked for what a replica has not found, at once and within the limit of the fall-back: not
   * when that replica is known to have what the primary had at a moment of `nextInSequence`.
   */
  mayAskPrimary({ role, node }: Route, since: number): boolean {
    const { topology, options } = this.deps;
    const { allowsFallback, positions } = topology.terms;
    const hasRoom = this.semaphore.active < Math.max(1, options.routing.primaryFallbackMax);
    if (role === 'primary' || !allowsFallback || !hasRoom) return false;
    const { headAsked = 0, position: head } = topology.primary.observer.facts;
    const replica = topology.replicas.find(({ name }) => name === node);
    const isKnown = headAsked > since && head !== undefined;
    return !isKnown || !hasReached(positions, replica?.snapshot.place.position, head);
  }

  private giveUp(): never {
    const { name, routing, monitor } = this.deps.options;
    throw new NoReplicaAvailableError(
      `No replica of cluster "${name}" can serve this read, and all ${routing.primaryFallbackMax} reads that the primary may serve at a time were under way for ${monitor.connectTimeoutMs} ms. ` +
        'Raise routing.primaryFallback.maxConcurrent, or bring replicas back.',
    );
  }
}
