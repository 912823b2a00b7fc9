import type { WriteWatch } from '../../../engine.js';
import { isOpen, stateOf, type Command, type Done, type MysqlConnection } from '../connection.js';
import { isServersAnswer, tellsOfData } from '../failure.js';
import {
  isCommit,
  mayCommit,
  mayCommitPartly,
  mayWriteWithRows,
  rollsBack,
  surelyReads,
} from '../sql-text.js';
import { Answer } from './ok-packets.js';
import { askWhatWasWritten, capturedAt } from './question.js';

/**
 * What is left open of a session's statements:
 * - `written`: whether one that was answered with rows, or has failed midway, has written;
 * - `told`: nothing was written, but the client was told what was found: a duplicate, a value that was there already;
 * - `changed`: rows were changed, which a rollback undoes: when its transaction commits nothing, the same as `told`.
 */
type Doubt = 'changed' | 'told' | 'written';
const STRENGTH: Readonly<Record<Doubt, number>> = { changed: 0, told: 1, written: 2 };

/** A statement that has ended. */
interface Ended {
  readonly text: string;
  readonly answer: Answer;
  /** What it has failed with. */
  readonly problem?: unknown;
}

/**
 * Hears of what the statements of one query runner commit. The OK packet of what commits carries its GTID; without one,
 * nothing was written. What packets leave open is asked when the runner is released: its user may want to know
 * `FOUND_ROWS()` and `ROW_COUNT()` before, and a later packet may tell.
 */
export class WriteObserver {
  private wasOpen: boolean;
  private doubt: Doubt | undefined;
  /** What the open transaction leaves open, should it end without a GTID. */
  private inTransaction: Doubt | undefined;

  constructor(
    private readonly connection: MysqlConnection,
    private readonly watch: WriteWatch,
  ) {
    this.wasOpen = this.isOpen;
  }

  /** Sends what a method of the connection sends. */
  send(method: 'query' | 'execute', args: readonly unknown[]): Command {
    const { connection } = this;
    const run = (given: readonly unknown[]): Command =>
      (connection as unknown as Record<string, MysqlConnection['query']>)[method]!.apply(
        connection,
        given as unknown[],
      );
    const text = textOf(args[0]);
    this.watch.isRaw(text);
    const done = args.at(-1);
    return typeof done === 'function'
      ? this.sendWithCallback(text, (wrapped) => run([...args.slice(0, -1), wrapped]), done as Done)
      : this.sendWithEvents(text, run(args));
  }

  /** A promise keeps the context of the caller, which the callbacks of a connection do not have. */
  private sendWithCallback(text: string, run: (done: Done) => Command, done: Done): Command {
    const { promise, resolve } = withResolvers<Parameters<Done>>();
    const command = run((...results) => resolve(results));
    const answer = Answer.of(command, this.connection);
    void promise.then((results) => {
      const [problem] = results;
      const noting = this.note(problem ? { text, answer, problem } : { text, answer });
      // What the callback throws is its own affair, as with the connection itself.
      const tell = (): void => void process.nextTick(done, ...results);
      return noting ? noting.then(tell) : tell();
    });
    return command;
  }

  private sendWithEvents(text: string, command: Command): Command {
    const answer = Answer.of(command, this.connection);
    let problem: unknown;
    command.prependListener('error', (error: unknown) => (problem = error));
    command.once('end', () => void this.note(problem ? { text, answer, problem } : { text, answer }));
    return command;
  }

  /** What was left open is asked now, if it matters. */
  get openQuestion(): (() => Promise<void>) | undefined {
    if (!this.doubt || !this.watch.isListening || stateOf(this.connection).isDead) return undefined;
    return () => this.askNow();
  }

  private get isOpen(): boolean {
    return isOpen(stateOf(this.connection).serverStatus);
  }

  private note(ended: Ended): void | Promise<void> {
    const { wasOpen } = this;
    const isOpenNow = this.isOpen;
    if (isOpenNow !== wasOpen) this.watch.transaction(isOpenNow);
    this.wasOpen = isOpenNow;
    const { problem, text } = ended;
    if (problem !== undefined && !isServersAnswer(problem)) {
      const mayHaveCommitted = !surelyReads(text) && (!wasOpen || mayCommit(text));
      if (mayHaveCommitted) return this.watch.committed(undefined, { problem, isGuess: true });
      return undefined;
    }
    return stateOf(this.connection).tracks === 'nothing'
      ? this.noteByText(ended, wasOpen, isOpenNow)
      : this.noteByGtids(ended, wasOpen, isOpenNow);
  }

  private noteByGtids(ended: Ended, wasOpen: boolean, isOpenNow: boolean): void | Promise<void> {
    const state = stateOf(this.connection);
    const { gtids } = ended.answer;
    const last = gtids.at(-1);
    const left = doubtOf(ended);
    if (last !== undefined) {
      state.lastGtid = last;
      this.doubt = undefined;
      this.inTransaction = undefined;
    }
    // Whether rows of an open transaction were written, its end will tell.
    if (isOpenNow) this.inTransaction = stronger(this.inTransaction, left === 'written' ? undefined : left);
    else {
      const all = stronger(this.inTransaction, left);
      this.inTransaction = undefined;
      if (last === undefined && all !== undefined && !(all === 'changed' && rollsBack(ended.text)))
        this.doubt = stronger(this.doubt, all === 'written' ? all : 'told');
    }
    return last === undefined
      ? undefined
      : this.watch.committed(capturedAt(gtids, state.tracks), { isGuess: false });
  }

  /** Where packets tell nothing, the kind of statement has to. */
  private noteByText(ended: Ended, wasOpen: boolean, isOpenNow: boolean): void | Promise<void> {
    const { text, answer, problem } = ended;
    const isEnd = isCommit(text) || rollsBack(text);
    if (!isEnd && problem === undefined) {
      const may = answer.endsWithRows ? mayWriteWithRows(text) : !surelyReads(text);
      if (may) this.inTransaction = 'written';
    }
    if (isOpenNow) return undefined;
    const hasWritten = this.inTransaction !== undefined && !(wasOpen && rollsBack(text));
    this.inTransaction = undefined;
    if (hasWritten) return this.watch.committed(undefined, { isGuess: answer.endsWithRows });
  }

  private async askNow(): Promise<void> {
    const { doubt, watch } = this;
    this.doubt = undefined;
    try {
      const { hasWritten, captured } = await askWhatWasWritten(this.connection);
      if (hasWritten !== false || doubt === 'told')
        await watch.committed(captured, { isGuess: hasWritten !== true });
    } catch (problem) {
      await watch.committed(undefined, { problem, isGuess: true });
    }
  }
}

/** What an ended statement leaves open, outside of a transaction. */
function doubtOf({ text, answer, problem }: Ended): Doubt | undefined {
  if (problem !== undefined) {
    if (mayCommitPartly(text)) return 'written';
    return tellsOfData(problem) ? 'told' : undefined;
  }
  if (answer.endsWithRows) return mayWriteWithRows(text) ? 'written' : undefined;
  const tellsNothing = answer.gtids.length > 0 || surelyReads(text) || isCommit(text);
  if (tellsNothing) return undefined;
  return answer.hasChanged ? 'changed' : 'told';
}

function stronger(a: Doubt | undefined, b: Doubt | undefined): Doubt | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return STRENGTH[a] >= STRENGTH[b] ? a : b;
}

function textOf(query: unknown): string {
  if (typeof query === 'string') return query;
  const { sql } = (query ?? {}) as { readonly sql?: unknown };
  return typeof sql === 'string' ? sql : '';
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((fulfil) => (resolve = fulfil));
  return { promise, resolve };
}
