import type { CapturedPosition, Position } from '../position.js';
import type { Engine } from '../engine.js';
import { hasEnded, type Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import type { Failures } from '../cluster/routing/failures.js';
import type { HandlerReports } from '../cluster/events/handler-reports.js';
import type { HiddenServers } from '../cluster/nodes/hidden-servers.js';
import type { Lease } from '../cluster/nodes/lease.js';
import type { ReadLog } from '../cluster/tokens/read-log.js';
import type { RouteCounters } from '../cluster/events/route-counters.js';
import type { Router, Want } from '../cluster/routing/router.js';
import type { WriteLog } from '../cluster/tokens/write-log.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { intentOfQuery } from '../routing/resolve-intent.js';
import type { ReplicaWriteError } from '../errors.js';
import type { Intent } from '../routing/route.js';
import type { OnWrite } from './on-write.js';
import { refusal } from './refusal.js';

/** What a routed cluster is made of. */
export interface RoutedClusterParts {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly failures: Failures;
  readonly writes: WriteLog;
  readonly reads: ReadLog;
  readonly hidden: HiddenServers;
  readonly counters: RouteCounters;
  readonly reports: HandlerReports;
}

/** What query runners and managers of a routed DataSource ask. */
export class RoutedCluster {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly router: Router;
  readonly failures: Failures;

  constructor(private readonly parts: RoutedClusterParts) {
    this.options = parts.options;
    this.engine = parts.engine;
    this.router = parts.router;
    this.failures = parts.failures;
  }

  get defaultIsolation(): unknown {
    return this.options.dataSource['isolationLevel'];
  }

  /** What a query made here and now wants. */
  wantNow(pin: Intent | undefined): Want {
    const scope = storage.getStore();
    return { scope, choice: this.router.choiceFor(scope, pin), isPinned: pin !== undefined };
  }

  /** What becomes of a write under this want, now. */
  onWrite(want: Want): OnWrite {
    const { onReplicaWrite } = this.options.routing;
    if (this.router.mode !== 'route' || onReplicaWrite === 'off') return 'allow';
    if (want.isPinned) return 'reject';
    if (this.isAfterwards(want)) return 'promote-silently';
    if (want.choice.reason === 'explicit') return 'reject';
    return want.scope?.unit.isUndecided ? 'promote-silently' : onReplicaWrite;
  }

  /** Tells of a refused write, and makes the error for it. */
  refuse(statement: string, want: Want, cause?: unknown): ReplicaWriteError {
    this.parts.counters.refusedWrites += 1;
    this.parts.reports.note(want.scope?.unit, 'refused');
    return refusal(statement, want, cause);
  }

  private isAfterwards({ scope }: Want): boolean {
    return scope !== undefined && hasEnded(scope, this.options.name);
  }

  wantsPosition(want: Want): boolean {
    return this.parts.writes.wantsPosition(writerOf(want));
  }

  /** In observe mode: tells of what would be refused and leaves no trace in the log. */
  observe({ scope, choice }: Want, sql: string): void {
    if (choice.intent !== 'replica' || this.router.mode !== 'observe') return;
    if (this.engine.mayWriteUntraced(sql)) this.parts.reports.note(scope?.unit, 'possible');
  }

  /** Whether what is written belongs to a unit of work. */
  isInUnit(want: Want): boolean {
    return writerOf(want) !== undefined;
  }

  noteWrite(want: Want, captured: CapturedPosition | undefined, isGuess: boolean): void | Promise<void> {
    const scope = writerOf(want);
    if (want.choice.intent === 'replica' && this.router.mode === 'observe')
      this.parts.reports.note(scope?.unit, isGuess ? 'possible' : 'observed');
    this.noteAfterwards(want);
    return this.parts.writes.note(scope, captured);
  }

  /**
   * Whether what the choice was made by holds for this very connection: its server was not started anew meanwhile, and
   * has what the client's token demands, where an address hides several.
   */
  isFreshEnough(lease: Lease, connection: unknown): boolean | Promise<boolean> {
    if (lease.isOutdated) return false;
    return lease.node.endpoint.kind === 'server' || this.parts.hidden.isFreshEnough(lease, connection);
  }

  /** Whether a position must be taken behind what was read on a lease (monotonic reads). */
  wantsReadPosition({ scope }: Want, { node }: Lease): boolean {
    return this.parts.reads.wantsPosition(scope, node);
  }

  noteRead({ scope }: Want, { node }: Lease, position: Position | undefined): void | Promise<void> {
    if (scope && position !== undefined) return this.parts.reads.note(scope, node, position);
  }

  noteTransaction({ scope }: Want, isOpen: boolean): void {
    if (scope) scope.unit.on(this.options.name).openTransactions += isOpen ? 1 : -1;
  }

  /** Moves a unit that writes under replica intent to the primary; its handler goes there at once next time. */
  promote(want: Want, silently: boolean): Want {
    const { scope } = want;
    if (scope && !silently) {
      const { unit } = scope;
      this.parts.counters.promotedWrites += 1;
      unit.on(this.options.name).promoted = true;
      const { handlerMarks } = unit;
      if (handlerMarks && this.router.rememberPromotion(handlerMarks))
        this.parts.reports.note(unit, 'promoted');
    }
    return { scope, choice: PROMOTED, isAfterwards: silently && this.isAfterwards(want) };
  }

  /** Tells of a write whose unit has ended before. One whose response was sent before is told of as a late one. */
  noteAfterwards({ scope, isAfterwards }: Want): void {
    if (isAfterwards && !scope?.unit.request?.hasEnded) this.parts.reports.note(scope?.unit, 'afterwards');
  }
}

/** A runner that was made outside of any unit, such as at the start, writes for the unit that uses it. */
function writerOf({ scope }: Want): Scope | undefined {
  return scope ?? storage.getStore();
}

const PROMOTED = intentOfQuery(
  { wrote: false, promoted: true },
  { intent: 'replica', reason: 'read-method', ownWrites: true },
);
