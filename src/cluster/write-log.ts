import type { Token } from '../consistency/token.js';
import { levelOf } from '../context/consistency-level.js';
import type { Scope } from '../context/scope.js';
import type { UnitOfWork } from '../context/unit-of-work.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { tellsPosition } from './catch-up.js';
import type { Clock } from './clock.js';
import type { RouteCounters } from './route-counters.js';
import type { Topology } from './topology.js';

/** Told of every write of a unit of work, before the write returns to its caller. Must not reject. */
export type WriteListener = (unit: UnitOfWork) => void | Promise<void>;

/** A place in the log right behind a commit. */
export interface WritePosition {
  readonly position: bigint;
  readonly timeline: number;
}

/** Turns commits into tokens of the units of work that made them. */
export class WriteLog {
  private readonly listeners: WriteListener[] = [];

  constructor(
    private readonly options: ResolvedOptions,
    private readonly topology: Topology,
    private readonly counters: RouteCounters,
    private readonly clock: Clock,
  ) {}

  /** Whether a write in this scope needs a position, which costs a query, and the primary tells it. */
  wantsPosition(scope: Scope | undefined): boolean {
    return this.leavesToken(scope) && tellsPosition(this.topology.primary);
  }

  /** Notes a commit. `undefined`: its position could not be had, so time must serve. */
  note(scope: Scope | undefined, captured: WritePosition | undefined): void | Promise<void> {
    if (!scope) return;
    scope.unit.on(this.options.name).addWrite({
      clusterId: this.topology.primary.snapshot.systemId ?? '',
      timeline: captured?.timeline ?? 0,
      position: captured?.position,
      issuedAtMs: this.clock.now(),
    } satisfies Token);
    if (!this.leavesToken(scope)) return;
    this.counters.countToken(captured ? 'captured' : 'no-position');
    const pending = this.listeners
      .map((listener) => listener(scope.unit))
      .filter((answer) => answer instanceof Promise);
    if (pending.length > 0) return Promise.all(pending).then(() => undefined);
  }

  onWrite(listener: WriteListener): void {
    this.listeners.push(listener);
  }

  private leavesToken(scope: Scope | undefined): scope is Scope {
    const { consistency } = this.options;
    if (scope === undefined || this.topology.replicas.length === 0) return false;
    return levelOf(scope.unit, consistency.level) !== 'eventual';
  }
}
