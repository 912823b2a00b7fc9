import type { Scope } from '../context/scope.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { Clock } from './clock.js';
import type { RouteCounters } from './route-counters.js';
import type { Topology } from './topology.js';
import type { Token } from '../consistency/token.js';
import type { UnitOfWork } from '../context/unit-of-work.js';

/** Told of every write of a unit of work, before the write returns to its caller. */
export type WriteListener = (unit: UnitOfWork, token: Token) => void | Promise<void>;

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

  /** Whether a write in this scope needs a position, which costs a query. */
  wantsPosition(scope: Scope | undefined): scope is Scope {
    return (
      scope !== undefined &&
      this.options.consistency.level !== 'eventual' &&
      this.topology.replicas.length > 0
    );
  }

  /** Notes a commit. `undefined`: its position could not be had, so time must serve. */
  note(scope: Scope | undefined, captured: WritePosition | undefined): void | Promise<void> {
    if (!scope) return;
    const token: Token = {
      clusterId: this.topology.primary.snapshot.systemId ?? '',
      timeline: captured?.timeline ?? 0,
      position: captured?.position,
      issuedAtMs: this.clock.now(),
    };
    scope.unit.on(this.options.name).addWrite(token);
    if (!this.wantsPosition(scope)) return;
    this.counters.countToken(captured ? 'captured' : 'no-position');
    const pending = this.listeners
      .map((listener) => listener(scope.unit, token))
      .filter((answer) => answer instanceof Promise);
    if (pending.length > 0) return Promise.all(pending).then(() => undefined);
  }

  onWrite(listener: WriteListener): void {
    this.listeners.push(listener);
  }
}
