import type { CapturedPosition, Positions } from '../../position.js';
import type { Token } from '../../tokens/token.js';
import type { Scope } from '../../context/scope.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { tellsPosition } from '../nodes/catch-up.js';
import type { Clock } from '../../clock.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { TokenSink } from './token-sink.js';
import type { Topology } from '../nodes/topology.js';

/** What recording writes needs. */
export interface WriteRecorderDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly positions: Positions;
  readonly counters: RouteCounters;
  readonly clock: Clock;
  readonly sink: TokenSink;
}

/** Turns commits into tokens of the units of work that made them. */
export class WriteRecorder {
  constructor(private readonly deps: WriteRecorderDeps) {}

  /** Whether a write in this scope needs a position, which costs a query, and the primary tells it. */
  wantsPosition(scope: Scope | undefined): boolean {
    return this.leavesToken(scope) && tellsPosition(this.deps.topology.primary);
  }

  /** Notes a commit. `undefined`: its position could not be had, so time must serve. */
  note(scope: Scope | undefined, captured: CapturedPosition | undefined): void | Promise<void> {
    if (!scope) return;
    const { options, topology, positions, counters, clock } = this.deps;
    const token: Token = {
      clusterId: topology.primary.snapshot.systemId ?? '',
      history: captured?.history,
      position: captured?.position,
      issuedAtMs: clock.now(),
    };
    scope.unit.on(options.name).addWrite(token, positions);
    if (!this.leavesToken(scope)) return;
    counters.countToken(captured ? 'captured' : 'no-position');
    return this.deps.sink.wrote(scope.unit);
  }

  private leavesToken(scope: Scope | undefined): scope is Scope {
    const { options, topology } = this.deps;
    if (scope === undefined || topology.replicas.length === 0) return false;
    return scope.unit.levelOr(options.consistency.level) !== 'eventual';
  }
}
