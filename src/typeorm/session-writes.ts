import type { CapturedPosition } from '../consistency/position.js';
import type { WriteWatch } from '../dialects/dialect.js';
import { losesConnection } from './failed-query.js';
import type { LeasedConnection } from './leased-connection.js';
import type { RoutedCluster } from './routed-cluster.js';
import type { SessionIntent } from './session-intent.js';

/** What the statements of a writable session have done. */
export class SessionWrites implements WriteWatch {
  hasOpenTransaction = false;
  /** TypeORM's texts on their way to the driver: several can be. All others are the application's own. */
  private readonly madeTexts: string[] = [];

  constructor(
    private readonly intent: SessionIntent,
    private readonly connection: LeasedConnection,
    private readonly cluster: RoutedCluster,
  ) {}

  get wantsPosition(): boolean {
    return this.intent.countsWrites && this.cluster.wantsPosition(this.intent.want);
  }

  noteMade(text: string): void {
    this.madeTexts.push(text);
  }

  isRaw(text: string): boolean {
    return !this.takeMade(text);
  }

  /** Whether TypeORM has made the text; it has arrived, or never will. */
  takeMade(text: string): boolean {
    const index = this.madeTexts.indexOf(text);
    if (index < 0) return false;
    this.madeTexts.splice(index, 1);
    return true;
  }

  committed(captured: CapturedPosition | undefined, problem?: unknown): void | Promise<void> {
    // The caller hears of a commit, not of what came after it: this connection must not be used again.
    if (problem && losesConnection(this.cluster.dialect.classify(problem)))
      this.connection.poison ??= problem;
    if (this.intent.countsWrites) return this.cluster.noteWrite(this.intent.want, captured);
  }

  transaction(isOpen: boolean): void {
    this.hasOpenTransaction = isOpen;
    this.cluster.noteTransaction(this.intent.want, isOpen);
  }
}
