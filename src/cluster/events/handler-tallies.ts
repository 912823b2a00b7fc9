import type { HandlerMarks, HandlerTally } from '../../context/unit-of-work.js';
import type { Intent, IntentChoice, IntentReason } from '../../routing/route.js';

/** What has become of the calls of a handler, since the start of the process. */
export interface HandlerReport {
  /** `PostsController.visit`, or of a GraphQL operation its field. */
  readonly handler: string;
  /** Of its last call, unless code in it said otherwise. */
  readonly intent: Intent;
  readonly reason: IntentReason;
  /** Queries and transactions by the role of the server that got them; what was sent again counts on each server. */
  readonly queries: { readonly primary: number; readonly replica: number };
  /** Of these, those that have written nothing. */
  readonly reads: number;
  /** Commits that have written. */
  readonly writes: number;
  /** How often its queries have waited for a replica, or for a permit of the fall-back, and how long in all. */
  readonly waits: number;
  readonly waitedMs: number;
  /** Writes that were refused. */
  readonly refusals: number;
  /**
   * What its calls so far suggest:
   *
   * - `'changes-database'`: it writes, or takes locks, under replica intent: mark it with `@ChangesDatabase()`;
   * - `'use-replica'`: it uses the primary and has never written: it could be marked with `@UseReplica()`.
   */
  readonly advice: 'changes-database' | 'use-replica' | undefined;
}

interface Known {
  readonly tally: HandlerTally;
  choice: IntentChoice;
}

/** Counts what handlers do. A unit of work looks up the tally of its handler once, and its queries add to that. */
export class HandlerTallies {
  readonly known = new Map<HandlerMarks, Known>();

  /** Notes where a handler goes now. `undefined`: there are too many. */
  learn(marks: HandlerMarks, choice: IntentChoice): HandlerTally | undefined {
    let known = this.known.get(marks);
    if (!known) {
      if (this.known.size >= MAX_HANDLERS) return undefined;
      this.known.set(marks, (known = { tally: emptyTally(), choice }));
    }
    known.choice = choice;
    return known.tally;
  }

  /** By name. Two classes of one name are two handlers. */
  read(): readonly HandlerReport[] {
    const reports = Array.from(this.known, ([{ name }, known]) => reportOf(name, known));
    return reports.sort((a, b) => (a.handler === b.handler ? 0 : a.handler < b.handler ? -1 : 1));
  }
}

function emptyTally(): HandlerTally {
  return { primary: 0, replica: 0, writes: 0, misplaced: 0, waits: 0, waitedMs: 0, refusals: 0 };
}

function reportOf(handler: string, { tally, choice }: Known): HandlerReport {
  const { primary, replica, writes, waits, waitedMs, refusals } = tally;
  return {
    handler,
    intent: choice.intent,
    reason: choice.reason,
    queries: { primary, replica },
    reads: Math.max(0, primary + replica - writes),
    writes,
    waits,
    waitedMs,
    refusals,
    advice: adviceFor(tally, choice),
  };
}

function adviceFor(
  { misplaced, primary, writes }: HandlerTally,
  { reason }: IntentChoice,
): HandlerReport['advice'] {
  if (misplaced > 0) return 'changes-database';
  return MOVABLE.has(reason) && primary > 0 && writes === 0 ? 'use-replica' : undefined;
}

/** Not mutations, which write by what they are. */
const MOVABLE: ReadonlySet<IntentReason> = new Set(['write-method', 'outside-unit', 'changes-database']);
const MAX_HANDLERS = 1_000;
