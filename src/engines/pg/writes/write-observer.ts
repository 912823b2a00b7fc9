import type { WriteWatch } from '../../../engine.js';
import { TRANSACTION_STATUS, type PgClient, type PgResult, type TransactionStatus } from '../internals.js';
import { sendForPosition, type AheadAnswer } from './ask-ahead.js';
import { answerOf, captureWithCommit, isServersAnswer, sendCommit, type CommitOutcome } from './commit.js';
import { askRow, sendAsking, type AskedAnswer } from './question.js';
import { provenOf } from './proven-primary.js';
import { passThrough } from './unseen-writes.js';
import { textOf } from './query-object.js';
import type { PositionQuestion } from '../pg-server.js';
import {
  effectOf,
  endsTransaction,
  isPlainCommit,
  mayCommitPartly,
  mayWriteUnseen,
  surelyReads,
  writesAlone,
  type ExecutedStatement,
} from './statement.js';

type Answer = PgResult | PgResult[];
type Sent = Omit<ExecutedStatement, 'tag'>;

/** What is known of the open transaction, or of a statement of its own, as a number that grows with it. */
type Written = 0 | 1 | 2;
const NOTHING = 0;
const PERHAPS = 1;
const SOMETHING = 2;

/** Hears of what the statements of one query runner commit, with the position of the log after them. */
export class WriteObserver {
  private readonly status: TransactionStatus;
  private wasOpen = false;
  /** What the open transaction has written. */
  private written: Written = NOTHING;
  /** What was committed whose position is not captured yet. */
  private committed: Written = NOTHING;
  /** What the tags say, for clients that do not pass on the server's status. */
  private readonly byTag = { isOpen: false, isAborted: false };

  constructor(
    private readonly client: PgClient,
    private readonly watch: WriteWatch,
    private readonly position: PositionQuestion,
  ) {
    this.status = client[TRANSACTION_STATUS] ?? this.byTag;
  }

  /** Makes one promise per statement, unless something was committed: with AsyncLocalStorage at work, they are dear. */
  query(...args: readonly unknown[]): unknown {
    const [query] = args;
    const text = typeof query === 'string' ? query : textOf(query);
    if (text === undefined) return passThrough(this.client, args, this);
    if (typeof args.at(-1) === 'function') return this.queryByCallback(args);
    const isRaw = this.watch.isRaw(text);
    if (this.written !== NOTHING && isPlainCommit(text)) return this.commit(text);
    if (!this.status.isOpen && mayWriteUnseen(text, isRaw)) {
      const { xactIdSql } = this;
      const asked = xactIdSql === undefined ? undefined : sendAsking(this.client, args, xactIdSql);
      if (asked)
        return asked.then(
          (answers) => this.afterAsking(answers),
          (error: unknown) => this.afterFailure(error, text, isRaw),
        );
    }
    if (!this.status.isOpen && writesAlone(text) && this.watch.wantsPosition) {
      const asked = sendForPosition(this.client, args, this.position);
      if (asked)
        return asked.then(
          ({ answer, ...ahead }) => this.afterAnswer(answer as Answer, { text, isRaw }, ahead),
          (error: unknown) => this.afterFailure(error, text, isRaw),
        );
    }
    return (this.client.query(...args) as Promise<Answer>).then(
      (answer) => this.afterAnswer(answer, { text, isRaw }),
      (error: unknown) => this.afterFailure(error, text, isRaw),
    );
  }

  /** What the callback throws is not caught, as with the client itself. */
  private queryByCallback(args: readonly unknown[]): void {
    const done = args.at(-1) as (error: unknown, answer?: unknown) => void;
    (this.query(...args.slice(0, -1)) as Promise<unknown>).then(
      (answer) => process.nextTick(done, undefined, answer),
      (error: unknown) => process.nextTick(done, error),
    );
  }

  /** `undefined`: the server is not to be asked, or cannot be. */
  private get xactIdSql(): string | undefined {
    return this.watch.isListening ? provenOf(this.client)?.xactIdSql : undefined;
  }

  /** The server gives a transaction a number when it writes. */
  private afterAsking({ answer, row }: AskedAnswer): Answer | Promise<Answer> {
    if (!row) this.written = PERHAPS;
    else if (row[0]) this.written = SOMETHING;
    const settling = this.settle();
    return settling ? settling.then(() => answer) : answer;
  }

  private afterAnswer(answer: Answer, sent: Sent, ahead?: AheadAnswer): Answer | Promise<Answer> {
    if (Array.isArray(answer)) for (const result of answer) this.note(result, sent);
    else this.note(answer, sent);
    const settling = this.settle(this.status.isOpen, ahead);
    return settling ? settling.then(() => answer) : answer;
  }

  private note(result: PgResult | undefined, { text, isRaw }: Sent): void {
    const tag = result?.command ?? '';
    if (tag === 'BEGIN' || tag === 'START') this.byTag.isOpen = true;
    const effect = effectOf({ tag, text, isRaw });
    switch (effect) {
      case 'reads':
        return;
      case 'may-write':
        if (this.written === NOTHING) this.written = PERHAPS;
        return;
      case 'writes':
        this.written = SOMETHING;
        return;
      case 'commits':
        this.noteCommitted();
        return this.endTransaction();
      case 'discards':
        return this.endTransaction();
      default:
        return effect satisfies never;
    }
  }

  private endTransaction(): void {
    this.byTag.isOpen = false;
    this.written = NOTHING;
  }

  private noteCommitted(): void {
    if (this.written > this.committed) this.committed = this.written;
    this.written = NOTHING;
  }

  /** What is committed by now gets its position. */
  private settle(isOpen = this.status.isOpen, ahead?: AheadAnswer): void | Promise<void> {
    if (isOpen !== this.wasOpen) this.watch.transaction(isOpen);
    this.wasOpen = isOpen;
    if (!isOpen) this.noteCommitted();
    if (this.committed !== NOTHING) return this.captureNow(ahead);
  }

  private commit(text: string): Promise<unknown> {
    const { xactIdSql } = this;
    if (this.written === SOMETHING || xactIdSql === undefined || this.status.isAborted)
      return this.sendCommit(text);
    // Asked before, by a statement of its own: what fails here must not take the place of COMMIT.
    return askRow(this.client, xactIdSql).then(
      (row) => this.sendCommit(text, row?.[0] ? SOMETHING : NOTHING),
      () => this.sendCommit(text),
    );
  }

  private sendCommit(text: string, written = this.written): Promise<unknown> {
    this.written = written;
    const sending =
      written !== NOTHING && this.watch.wantsPosition
        ? captureWithCommit(this.client, this.position.sql)
        : sendCommit(this.client, text);
    return sending.then((outcome) => this.settleCommit(outcome));
  }

  private settleCommit(outcome: CommitOutcome): unknown {
    const { written } = this;
    this.endTransaction();
    // When what follows COMMIT fails, the server's status arrives after the error.
    const settling = this.settle(outcome.kind === 'failed' && this.status.isOpen);
    return settling ? settling.then(() => this.conclude(outcome, written)) : this.conclude(outcome, written);
  }

  private conclude(outcome: CommitOutcome, written: Written): unknown {
    const noting = written === NOTHING ? undefined : this.noteCommit(outcome, written === PERHAPS);
    return noting ? noting.then(() => answerOf(outcome)) : answerOf(outcome);
  }

  private noteCommit(outcome: CommitOutcome, isGuess: boolean): void | Promise<void> {
    const { watch } = this;
    switch (outcome.kind) {
      case 'committed':
        return watch.committed(this.position.read(outcome.position), { problem: outcome.problem, isGuess });
      case 'rolled-back':
        return;
      case 'failed':
        // Without an SQLSTATE the answer was lost: the commit may well have happened.
        return isServersAnswer(outcome.error)
          ? undefined
          : watch.committed(undefined, { problem: outcome.error, isGuess: true });
      default:
        return outcome satisfies never;
    }
  }

  private captureNow(ahead?: AheadAnswer): void | Promise<void> {
    const isGuess = this.committed === PERHAPS;
    this.committed = NOTHING;
    if (!this.watch.wantsPosition || this.status.isAborted)
      return this.watch.committed(undefined, { isGuess });
    if (ahead)
      return this.watch.committed(this.position.read(ahead.row), { problem: ahead.problem, isGuess });
    return askRow(this.client, this.position.sql).then(
      (row) => this.watch.committed(this.position.read(row), { isGuess }),
      (problem: unknown) => this.watch.committed(undefined, { problem, isGuess }),
    );
  }

  private async afterFailure(error: unknown, text: string, isRaw: boolean): Promise<never> {
    // As node-postgres does: a stack that leads to who has asked, not to the socket.
    if (error instanceof Error) Error.captureStackTrace(error);
    // A lost connection leaves open whether an autocommit write, or the COMMIT in a text, was applied.
    const isLost = !isServersAnswer(error);
    const mayHaveCommitted = isLost && !surelyReads(text, isRaw) && (!this.wasOpen || endsTransaction(text));
    if (mayHaveCommitted || mayCommitPartly(text))
      await this.watch.committed(undefined, { problem: error, isGuess: true });
    if (!isLost && !this.status.isOpen) this.written = NOTHING;
    throw error;
  }

  get question(): string | undefined {
    return this.status.isOpen ? undefined : this.xactIdSql;
  }

  /** Of a cursor that has asked before its end. */
  ended(wrote: boolean | undefined): void | Promise<void> {
    if (wrote !== false) this.committed = wrote ? SOMETHING : PERHAPS;
    return this.settle();
  }

  failed(error: unknown): void {
    // Its last word may have been on its way.
    if (!isServersAnswer(error)) void this.watch.committed(undefined, { problem: error, isGuess: true });
  }

  /** What was done is not known, and may be committed. */
  noteUnseen(): void {
    if (!this.status.isOpen) void this.watch.committed(undefined, { isGuess: true });
    else if (this.written === NOTHING) this.written = PERHAPS;
  }
}
