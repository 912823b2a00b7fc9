import type { CapturedPosition } from '../position.js';
import type { AboutCommit, WriteWatch } from '../engine.js';
import { losesConnection } from './failed-query.js';
import type { LeasedConnection } from './leased-connection.js';
import type { RoutedCluster } from './routed-cluster.js';
import type { SessionIntent } from './session-intent.js';

/** What the statements of a writable session have done. */
export class SessionWrites implements WriteWatch {
  hasOpenTransaction = false;
  /** Texts on their way to the driver, several can be, whose results are wanted in TypeORM's own form. */
  private readonly structuredTexts: string[] = [];

  constructor(
    private readonly intent: SessionIntent,
    private readonly connection: LeasedConnection,
    private readonly cluster: RoutedCluster,
  ) {}

  get wantsPosition(): boolean {
    return this.intent.countsWrites && this.cluster.wantsPosition(this.intent.want);
  }

  noteStructured(text: string): void {
    this.structuredTexts.push(text);
  }

  isRaw(text: string): boolean {
    return !this.takeStructured(text);
  }

  /** Whether the text was noted so; it has arrived, or never will. */
  takeStructured(text: string): boolean {
    const index = this.structuredTexts.indexOf(text);
    if (index < 0) return false;
    this.structuredTexts.splice(index, 1);
    return true;
  }

  get isListening(): boolean {
    return this.intent.countsWrites && this.cluster.isInUnit(this.intent.want);
  }

  committed(captured: CapturedPosition | undefined, { problem, isGuess }: AboutCommit): void | Promise<void> {
    // The caller hears of a commit, not of what came after it: this connection must not be used again.
    if (problem && losesConnection(this.cluster.engine.classify(problem))) this.connection.poison ??= problem;
    if (this.intent.countsWrites) return this.cluster.noteWrite(this.intent.want, captured, isGuess);
  }

  transaction(isOpen: boolean): void {
    this.hasOpenTransaction = isOpen;
    this.cluster.noteTransaction(this.intent.want, isOpen);
  }
}
