import type { CapturedPosition } from '../position.js';
import type { AboutCommit, WriteWatch } from '../engine.js';
import { storage } from '../context/storage.js';
import type { Scope } from '../context/scope.js';
import { breakOff, losesConnection, type QuerySession } from './session-state.js';

/** What the statements of a writable session have done, for whom. */
export class SessionWrites implements WriteWatch {
  constructor(private readonly session: QuerySession) {}

  get wantsPosition(): boolean {
    const { countsWrites, cluster } = this.session;
    return countsWrites && cluster.writes.wantsPosition(this.writer);
  }

  get isListening(): boolean {
    return this.session.countsWrites && this.writer !== undefined;
  }

  isRaw(text: string): boolean {
    const { structuredTexts } = this.session;
    return structuredTexts.length === 0 || !takeStructured(this.session, text);
  }

  committed(captured: CapturedPosition | undefined, { problem, isGuess }: AboutCommit): void | Promise<void> {
    const { session, writer } = this;
    const { countsWrites, want, cluster } = session;
    // The caller hears of a commit, not of what came after it: this connection must not be used again.
    if (problem && losesConnection(cluster.engine.classify(problem))) breakOff(session, problem);
    if (!countsWrites) return;
    cluster.policy.noteWrite(writer === want.scope ? want : { ...want, scope: writer }, isGuess);
    return cluster.writes.note(writer, captured);
  }

  transaction(isOpen: boolean): void {
    const { session } = this;
    session.hasOpenTransaction = isOpen;
    const { work } = session.want;
    if (work) work.openTransactions += isOpen ? 1 : -1;
  }

  /** A runner that was made outside of any unit, such as at the start, writes for the unit that uses it. */
  private get writer(): Scope | undefined {
    return this.session.want.scope ?? storage.getStore();
  }
}

/** Whether the result of a text is wanted in TypeORM's own form: noted when it was sent. It has arrived, or never will. */
export function takeStructured({ structuredTexts }: QuerySession, text: string): boolean {
  const index = structuredTexts.indexOf(text);
  if (index < 0) return false;
  structuredTexts.splice(index, 1);
  return true;
}
