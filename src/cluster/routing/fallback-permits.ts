import { NoReplicaAvailableError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Clock } from '../../clock.js';
import { Semaphore, type ReleasePermit } from './semaphore.js';

/** What the permits are made of. */
export interface FallbackPermitsDeps {
  readonly options: ResolvedOptions;
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

  private giveUp(): never {
    const { name, routing, monitor } = this.deps.options;
    throw new NoReplicaAvailableError(
      `No replica of cluster "${name}" can serve this read, and all ${routing.primaryFallbackMax} reads that the primary may serve at a time were under way for ${monitor.connectTimeoutMs} ms. ` +
        'Raise routing.primaryFallback.maxConcurrent, or bring replicas back.',
    );
  }
}
