import type { HandlerReports } from '../cluster/events/handler-reports.js';
import { REFUSED_WRITES, type RefusedWriteMessage } from '../cluster/metrics/channels.js';
import type { RouteCounters } from '../cluster/events/route-counters.js';
import type { Rollout } from '../cluster/routing/rollout.js';
import type { Router } from '../cluster/routing/router.js';
import type { Want } from '../cluster/routing/want.js';
import { hasEnded } from '../context/scope.js';
import type { Engine } from '../engine.js';
import { ReplicaWriteError } from '../errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { PROMOTED } from '../routing/resolve-intent.js';

/**
 * What happens to a write under replica intent. `'allow'`: nothing, since all goes to the primary in this mode, or of this
 * client.
 * `'promote-silently'`: the handler is not known yet, or has ended, so nobody can say that the write is wrong.
 */
export type OnWrite = 'allow' | 'reject' | 'promote' | 'promote-silently';

/** What the policy is made of. */
export interface ReplicaWritePolicyDeps {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly rollout: Rollout;
  readonly counters: RouteCounters;
  readonly reports: HandlerReports;
}

/** Alone decides what becomes of a write under replica intent, and tells of it. */
export class ReplicaWritePolicy {
  /** Whether writes under replica intent are looked after at all, in mode `'route'`. */
  readonly isEnabled: boolean;

  constructor(private readonly deps: ReplicaWritePolicyDeps) {
    this.isEnabled = deps.options.routing.onReplicaWrite !== 'off';
  }

  /** What becomes of a write under this want, now. */
  judge(want: Want): OnWrite {
    const { rollout, options } = this.deps;
    const { onReplicaWrite } = options.routing;
    if (rollout.modeOf(want) !== 'route' || onReplicaWrite === 'off') return 'allow';
    if (want.isPinned) return 'reject';
    if (this.isAfterwards(want)) return 'promote-silently';
    if (want.choice.reason === 'explicit') return 'reject';
    return want.scope?.unit.isUndecided ? 'promote-silently' : onReplicaWrite;
  }

  /** Tells of a refused write, and makes the error for it, with all that is known of where it happened. */
  refuse(statement: string, { scope, choice }: Want, cause?: unknown): ReplicaWriteError {
    const unit = scope?.unit;
    this.deps.counters.refusedWrites += 1;
    this.deps.reports.note(unit, 'refused');
    const details = {
      statement,
      handler: unit?.handler,
      method: unit?.request?.method,
      path: unit?.request?.path,
      fix: choice.reason === 'explicit' ? EXPLICIT_FIX : undefined,
    };
    if (REFUSED_WRITES.hasSubscribers) {
      const { handler, method, path } = details;
      const cluster = this.deps.options.name;
      REFUSED_WRITES.publish({ cluster, handler, statement, method, path } satisfies RefusedWriteMessage);
    }
    return new ReplicaWriteError(details, cause === undefined ? undefined : { cause });
  }

  /** The want of a write that is moved to the primary. Its unit moves, too, and its handler from then on, unless silently. */
  promote(want: Want, silently: boolean): Want {
    const { scope, work } = want;
    if (work && !silently) {
      const { router, counters, reports } = this.deps;
      counters.promotedWrites += 1;
      work.promoted = true;
      const { handlerMarks } = work.unit;
      if (handlerMarks && router.rememberPromotion(handlerMarks)) reports.note(work.unit, 'promoted');
    }
    return { scope, work, choice: PROMOTED, isAfterwards: silently && this.isAfterwards(want) };
  }

  /** The want of a transaction that may write, and so runs on the primary. It is promoted when it has written. */
  promoteUntold(want: Want): Want {
    return { scope: want.scope, work: want.work, choice: PROMOTED, untold: want };
  }

  /** Counts a write that has happened, and tells of it where it would have been refused, or its unit has ended before. */
  noteWrite(want: Want, isGuess: boolean): void {
    const handled = want.work?.handled;
    if (handled && !isGuess && !want.scope?.unit.hasEnded) handled.writes += 1;
    if (this.isObserved(want)) this.deps.reports.note(want.scope?.unit, isGuess ? 'possible' : 'observed');
    this.noteAfterwards(want);
  }

  /** Of a unit that has ended. A write after its response is told of as a late one. */
  noteAfterwards({ scope, isAfterwards }: Want): void {
    if (isAfterwards && !scope?.unit.request?.hasEnded) this.deps.reports.note(scope?.unit, 'afterwards');
  }

  /** In observe mode: tells of a text that would be refused and leaves no trace in the log. */
  observe(want: Want, sql: string): void {
    if (this.isObserved(want) && this.deps.engine.mayWriteUntraced(sql))
      this.deps.reports.note(want.scope?.unit, 'possible');
  }

  private isObserved({ choice }: Want): boolean {
    return choice.intent === 'replica' && this.deps.rollout.mode === 'observe';
  }

  private isAfterwards({ scope }: Want): boolean {
    return scope !== undefined && hasEnded(scope, this.deps.options.name);
  }
}

const EXPLICIT_FIX =
  'Inside `.replica` and `useReplica` nothing can be written: use the repository itself, or `.primary`.';
