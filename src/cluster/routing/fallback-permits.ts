import { NoReplicaAvailableError } from '../../errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { Clock } from '../../clock.js';
import { hasReached } from '../../position.js';
import type { ClusterWork } from '../../context/unit-of-work.js';
import { nextInSequence } from '../../health/probe-loop.js';
import type { FallbackReason, IntentChoice, Reason, Route } from '../../routing/route.js';
import type { Lease } from '../nodes/lease.js';
import type { Topology } from '../nodes/topology.js';
import { Semaphore, type ReleasePermit } from './semaphore.js';

/** What the permits are made of. */
export interface FallbackPermitsDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly clock: Clock;
}

/** Of a query, what decides whether it binds its unit. */
interface FallingBack {
  readonly work: ClusterWork | undefined;
  readonly choice: IntentChoice;
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
    const { allowsFallback } = this.deps.topology.terms;
    if (role === 'primary' || !allowsFallback || !this.semaphore.hasRoom) return false;
    return this.mayLack(node, since);
  }

  /** Notes in the unit of a lease that it reads the primary in the place of replicas. */
  keep({ work, choice }: FallingBack, lease: Lease): Lease {
    const { reason } = lease.route;
    if (choice.intent === 'primary' || !work || work.unit.hasEnded || !isKept(reason)) return lease;
    const { fallenBack } = work;
    fallenBack.reason ??= reason;
    fallenBack.endedAt = Infinity;
    return lease.onEnd(() => (fallenBack.endedAt = nextInSequence()));
  }

  /** Why the unit goes on reading the primary: it has before, and there is room, so that it need not wait. */
  keeps(work: ClusterWork | undefined): FallbackReason | undefined {
    const reason = work?.fallenBack.reason;
    return reason !== undefined && !work?.unit.hasEnded && this.semaphore.hasRoom ? reason : undefined;
  }

  /** Whether a replica may lack what the unit has read from the primary. */
  mayShowLess(work: ClusterWork | undefined, node: string): boolean {
    if (work?.fallenBack.reason === undefined || work.unit.hasEnded) return false;
    return this.mayLack(node, work.fallenBack.endedAt);
  }

  /** Unless it is known to have what the primary had then, by `nextInSequence`. */
  private mayLack(node: string, since: number): boolean {
    const { topology } = this.deps;
    const { headAsked = 0, position: head } = topology.primary.observer.facts;
    const replica = topology.replicas.find(({ name }) => name === node);
    const isKnown = headAsked > since && head !== undefined;
    return !isKnown || !hasReached(topology.terms.positions, replica?.snapshot.place.position, head);
  }

  private giveUp(): never {
    const { name, routing, monitor } = this.deps.options;
    throw new NoReplicaAvailableError(
      `No replica of cluster "${name}" can serve this read, and all ${routing.primaryFallbackMax} reads that the primary may serve at a time were under way for ${monitor.connectTimeoutMs} ms. ` +
        'Raise routing.primaryFallback.maxConcurrent, or bring replicas back.',
    );
  }
}

/** Whether a read of the primary for that reason binds the unit: some say something of one query, or of the cluster. */
function isKept(reason: Reason): reason is FallbackReason {
  return !UNKEPT.has(reason);
}

const UNKEPT: ReadonlySet<Reason> = new Set([
  'behind-schema',
  'empty-answer',
  'mode-observe',
  'mode-primary-only',
  'outside-share',
]);
