import type { WriteWatch } from './dialect.js';
import type { PgClient, PgResult } from './pg-client.js';
import { captureWithCommit, type CommitOutcome } from './postgres-commit.js';
import { WritePosition } from './postgres-position.js';
import { effectOf, isPlainCommit, mayCommitPartly, surelyReads } from './postgres-statement.js';
import { transactionStatusOf, type TransactionStatus } from './postgres-transaction.js';

type Callback = (error: unknown, answer?: unknown) => void;

/**
 * The client as TypeORM sees it on a writable session. Only `query` differs: committed writes are told to `watch`, with
 * the position of the log behind them. Nothing here changes what a statement answers, or whether it fails.
 */
export function observePostgresWrites(connection: unknown, watch: WriteWatch): unknown {
  const client = connection as ObservedClient;
  const view = (client[KEY] ??= new ClientView(client));
  view.observer = new WriteObserver(client, watch, view.position);
  return view.proxy;
}

/** The client itself, for what is asked in its user's absence: nothing of that is a write of the application. */
export function unobserved(connection: unknown): PgClient {
  return (connection as ObservedClient)[KEY]?.client ?? (connection as PgClient);
}

const KEY = Symbol.for('nestjs-replicated.observed');

type ObservedClient = PgClient & object & { [KEY]?: ClientView };
type Method = (...args: unknown[]) => unknown;

/** One per connection, for all the query runners that it will serve, one after the other. */
class ClientView implements ProxyHandler<ObservedClient> {
  readonly proxy: unknown;
  readonly position = new WritePosition();
  observer: WriteObserver | undefined;
  private readonly bound = new WeakMap<object, Method>();

  constructor(readonly client: ObservedClient) {
    this.proxy = new Proxy(client, this);
  }

  private readonly query: Method = (...args) => this.observer?.query(...args);

  get(target: ObservedClient, key: string | symbol): unknown {
    if (key === 'query') return this.query;
    const value: unknown = Reflect.get(target, key, target);
    // A bound class would lose what hangs on it, such as `pg.Client.Query`.
    return typeof value === 'function' && key !== 'constructor' ? this.bind(value as Method, target) : value;
  }

  private bind(method: Method, target: object): Method {
    let bound = this.bound.get(method);
    if (!bound) this.bound.set(method, (bound = method.bind(target) as Method));
    return bound;
  }
}

class WriteObserver {
  private readonly status: TransactionStatus;
  private wasOpen = false;
  /** The open transaction has written. */
  private hasWritten = false;
  /** Something was committed whose position is not captured yet. */
  private hasCommitted = false;
  /** What the tags say, for clients that do not pass on the server's status. */
  private readonly byTag = { isOpen: false, isAborted: false };

  constructor(
    private readonly client: PgClient,
    private readonly watch: WriteWatch,
    private readonly position: WritePosition,
  ) {
    this.status = transactionStatusOf(client) ?? this.byTag;
  }

  query(...args: readonly unknown[]): unknown {
    const text = textOf(args[0]);
    const done = args.at(-1);
    if (text === undefined) return this.passThrough(args);
    if (typeof done !== 'function') return this.run(text, args);
    void this.runFor(done as Callback, text, args.slice(0, -1));
    return undefined;
  }

  /** What the callback throws is its own affair, as with the client itself. */
  private async runFor(done: Callback, text: string, args: readonly unknown[]): Promise<void> {
    try {
      process.nextTick(done, undefined, await this.run(text, args));
    } catch (error) {
      process.nextTick(done, error);
    }
  }

  private async run(text: string, args: readonly unknown[]): Promise<unknown> {
    const isRaw = this.watch.isRaw(text);
    if (this.hasWritten && isPlainCommit(text)) return this.commit(text);
    let answer: PgResult | PgResult[];
    try {
      answer = (await this.client.query(...args)) as PgResult | PgResult[];
    } catch (error) {
      await this.afterFailure(error, text, isRaw);
      throw error;
    }
    for (const result of Array.isArray(answer) ? answer : [answer]) this.note(result, text, isRaw);
    if (this.isUnsettled) await this.settle();
    return answer;
  }

  private note(result: PgResult | undefined, text: string, isRaw: boolean): void {
    const tag = result?.command ?? '';
    if (tag === 'BEGIN' || tag === 'START') this.byTag.isOpen = true;
    const effect = effectOf({ tag, text, isRaw });
    switch (effect) {
      case 'reads':
        return;
      case 'writes':
        this.hasWritten = true;
        return;
      case 'commits':
        this.hasCommitted ||= this.hasWritten;
        return this.endTransaction();
      case 'discards':
        return this.endTransaction();
      default:
        return effect satisfies never;
    }
  }

  private endTransaction(): void {
    this.byTag.isOpen = false;
    this.hasWritten = false;
  }

  /** Whether the statement was more than a read outside of a transaction, or inside one. */
  private get isUnsettled(): boolean {
    const { isOpen } = this.status;
    return isOpen !== this.wasOpen || this.hasCommitted || (this.hasWritten && !isOpen);
  }

  /** What is committed by now gets its position. */
  private async settle(isOpen = this.status.isOpen): Promise<void> {
    if (isOpen !== this.wasOpen) this.watch.transaction(isOpen);
    this.wasOpen = isOpen;
    if (!isOpen && this.hasWritten) {
      this.hasWritten = false;
      this.hasCommitted = true;
    }
    if (this.hasCommitted) await this.captureNow();
  }

  private async commit(text: string): Promise<unknown> {
    if (this.watch.wantsPosition) {
      return this.settleCommit(await captureWithCommit(this.client, this.position.sql));
    }
    return this.settleCommit(await sendCommit(this.client, text));
  }

  private async settleCommit(outcome: CommitOutcome): Promise<unknown> {
    this.endTransaction();
    // When what follows COMMIT fails, the server's status arrives after the error.
    await this.settle(outcome.kind === 'failed' && this.status.isOpen);
    switch (outcome.kind) {
      case 'committed':
        await this.watch.committed(this.position.read(outcome.position), outcome.problem);
        return outcome.answer;
      case 'rolled-back':
        return outcome.answer;
      case 'failed':
        // Without an SQLSTATE the answer was lost: the commit may well have happened.
        if (!isServersAnswer(outcome.error)) await this.watch.committed(undefined, outcome.error);
        throw outcome.error;
      default:
        return outcome satisfies never;
    }
  }

  private async captureNow(): Promise<void> {
    this.hasCommitted = false;
    if (!this.watch.wantsPosition || this.status.isAborted) return this.watch.committed(undefined);
    let result: PgResult;
    try {
      result = (await this.client.query(this.position.sql)) as PgResult;
    } catch (problem) {
      return this.watch.committed(undefined, problem);
    }
    await this.watch.committed(this.position.read(result));
  }

  private async afterFailure(error: unknown, text: string, isRaw: boolean): Promise<void> {
    // A lost connection leaves open whether an autocommit write, or the COMMIT in a text, was applied.
    const isLost = !isServersAnswer(error);
    const mayHaveCommitted = isLost && !this.wasOpen && !surelyReads(text, isRaw);
    if (mayHaveCommitted || mayCommitPartly(text)) await this.watch.committed(undefined, error);
    if (!isLost && !this.status.isOpen) this.hasWritten = false;
  }

  /** Streams, COPY and query objects get the client itself, so what they did is not known: time must serve. */
  private passThrough(args: readonly unknown[]): unknown {
    const [query] = args as [QueryObject];
    const answer = this.client.query(...args);
    const text = query.text ?? query.cursor?.text;
    if (typeof text === 'string' && surelyReads(text, this.watch.isRaw(text))) return answer;
    this.noteUnseen();
    let isOver = false;
    // The first of them: a stream may close when its transaction is committed already.
    const over = (): void => {
      if (!isOver) this.noteUnseen();
      isOver = true;
    };
    for (const event of ['end', 'finish', 'close']) query.on?.(event, over);
    return answer;
  }

  private noteUnseen(): void {
    if (this.status.isOpen) this.hasWritten = true;
    else void this.watch.committed(undefined);
  }
}

/** What sends itself, or answers by itself. */
interface QueryObject {
  readonly text?: unknown;
  /** Of pg-query-stream. */
  readonly cursor?: { readonly text?: unknown };
  readonly submit?: unknown;
  readonly callback?: unknown;
  on?(event: string, listener: () => void): void;
}

/** The text of what node-postgres sends and answers itself. */
function textOf(query: unknown): string | undefined {
  if (typeof query === 'string') return query;
  const { text, submit, callback } = (query ?? {}) as QueryObject;
  return typeof text === 'string' && submit === undefined && callback === undefined ? text : undefined;
}

async function sendCommit(client: PgClient, text: string): Promise<CommitOutcome> {
  try {
    const answer = (await client.query(text)) as PgResult;
    return answer.command === 'COMMIT'
      ? { kind: 'committed', answer, position: undefined }
      : { kind: 'rolled-back', answer };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** Whether the server itself has said that the statement failed, so that nothing of it was committed. */
function isServersAnswer(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && SQLSTATE.test(code) && !/^(08|57P0)/.test(code);
}

// With a digit, unlike EPIPE.
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;
