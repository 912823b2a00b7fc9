import type { HandlerMarks, UnitOfWork } from '../../context/unit-of-work.js';
import type { ClusterEmitter, ClusterEvents } from './cluster-events.js';
import type { RouteCounters } from './route-counters.js';

type What = ClusterEvents['wroteUnderReplicaIntent']['what'];

/** Tells once of every handler that writes under replica intent, and counts what each of them does. */
export class HandlerReports {
  private readonly told = new Map<HandlerMarks | string, Set<What>>();

  constructor(
    private readonly cluster: string,
    private readonly counters: RouteCounters,
    private readonly events: ClusterEmitter,
  ) {}

  note(unit: UnitOfWork | undefined, what: What): void {
    const handler = nameOf(unit);
    const handled = unit?.on(this.cluster).handled;
    if (handled && what !== 'afterwards') handled.misplaced += 1;
    if (handled && what === 'refused') handled.refusals += 1;
    if (COUNTED.has(what)) this.counters.countWriteUnderReplicaIntent(handler);
    // Two classes of one name are two handlers.
    if (this.isFirst(unit?.handlerMarks ?? handler, what))
      this.events.emit('wroteUnderReplicaIntent', { handler, what });
  }

  private isFirst(handler: HandlerMarks | string, what: What): boolean {
    const known = this.told.get(handler);
    if (known?.has(what) || (!known && this.told.size >= MAX_HANDLERS)) return false;
    this.told.set(handler, (known ?? new Set<What>()).add(what));
    return true;
  }
}

function nameOf(unit: UnitOfWork | undefined): string {
  const request = unit?.request;
  return unit?.handler ?? (request ? `${request.method} ${request.path}` : 'code outside of a handler');
}

/** What is known to be a write that the handler itself has made. */
const COUNTED: ReadonlySet<What> = new Set(['promoted', 'observed', 'refused']);
const MAX_HANDLERS = 1_000;
