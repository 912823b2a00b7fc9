import type { EventEmitter } from 'node:events';
import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/lease.js';
import type { Want } from '../cluster/router.js';
import type { CapturedPosition } from '../consistency/position.js';
import type { WriteWatch } from '../dialects/dialect.js';
import { losesConnection, type FailedQuery } from './failed-query.js';
import { LeasedConnection, noteUnavailable, OVER, type Checkout } from './leased-connection.js';
import type { OnWrite } from './on-write.js';
import { MadeTexts } from './made-texts.js';
import { methodsOf, partsOf, type QueryRunnerMethods, type QueryRunnerParts } from './query-runner-parts.js';
import { noteReads } from './note-reads.js';
import { refusal } from './refusal.js';
import { RepeatableStream } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';

/** How a query runner may behave. */
export interface SessionTerms {
  readonly want: Want;
  readonly onWrite: OnWrite;
  /** Whether writes count as the application's: not those of TypeORM's result cache. */
  readonly countsWrites: boolean;
}

export type StartTransaction = Parameters<QueryRunner['startTransaction']>;

/**
 * Stands between a query runner of TypeORM and its pool: chooses the node when the first connection is needed, moves
 * reads to another node when theirs fails, and hears of writes. The runner stays TypeORM's own in everything else.
 */
export class RunnerSession implements WriteWatch {
  private want: Want;
  private readonly writes: OnWrite;
  private readonly countsWrites: boolean;
  private readonly parts: QueryRunnerParts;
  private readonly base: QueryRunnerMethods;
  private readonly connection: LeasedConnection;
  private madeTexts: MadeTexts | undefined;
  private hasOpenTransaction = false;
  /** The application has changed its session (`SET`, `BEGIN` as text): no other connection is like it. */
  private isBound = false;
  /** A write was refused: in a text of several statements, or between `BEGIN` and `COMMIT`, that leaves a transaction. */
  private wasRefused = false;

  constructor(
    private readonly runner: QueryRunner,
    { want, onWrite, countsWrites }: SessionTerms,
    private readonly cluster: RoutedCluster,
  ) {
    this.want = want;
    this.writes = onWrite;
    this.countsWrites = countsWrites;
    this.parts = partsOf(runner);
    this.base = methodsOf(runner);
    this.connection = new LeasedConnection(runner, cluster, this);
  }

  /** Refuses a write on a session that reads, or moves the session to where it may write. */
  async prepareToWrite(statement: string): Promise<void> {
    if (this.isForReading) this.refuse(statement);
  }

  get wantsPosition(): boolean {
    return this.countsWrites && this.cluster.wantsPosition(this.want);
  }

  isRaw(text: string): boolean {
    return !this.madeTexts?.has(text);
  }

  committed(captured: CapturedPosition | undefined, problem?: unknown): void | Promise<void> {
    // The caller hears of a commit, not of what came after it: this connection must not be used again.
    if (problem && losesConnection(this.cluster.dialect.classify(problem)))
      this.connection.poison ??= problem;
    if (this.countsWrites) return this.cluster.noteWrite(this.want, captured);
  }

  transaction(isOpen: boolean): void {
    this.hasOpenTransaction = isOpen;
    this.cluster.noteTransaction(this.want, isOpen);
  }

  connect(): Promise<unknown> {
    return this.connection.open(this.want);
  }

  query(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    return useStructuredResult === true
      ? this.send(sql, parameters, true)
      : this.sendRaw(sql, parameters, useStructuredResult);
  }

  async stream(sql: string, parameters?: unknown[]): Promise<RepeatableStream> {
    if (this.isForReading) this.prepareToRead(sql);
    let checkout: Checkout | undefined;
    return RepeatableStream.open({
      open: async () => {
        const opening = this.openStream(sql, parameters);
        checkout = this.connection.checkout;
        return { rows: await opening, connection: this.parts.databaseConnection as EventEmitter };
      },
      recover: (error, hasRows) => this.recover({ error, sql, lease: checkout?.lease, hasRows }),
    });
  }

  private openStream(sql: string, parameters?: unknown[]): ReturnType<QueryRunnerMethods['stream']> {
    const open = () => this.base.stream.call(this.runner, sql, parameters);
    // Of a runner which TypeORM has asked for to read, the text is TypeORM's.
    return this.runner.getReplicationMode() === 'slave' ? this.asMade(sql, open) : open();
  }

  private asMade<T>(sql: string, run: () => Promise<T>): Promise<T> {
    return (this.madeTexts ??= new MadeTexts()).during(sql, run);
  }

  async startTransaction(...args: StartTransaction): Promise<void> {
    if (this.mayPromote) this.promote();
    const isolation = args[0] ?? (this.cluster.defaultIsolation as StartTransaction[0]);
    if (isolation === 'SERIALIZABLE') await this.prepareToWrite('A SERIALIZABLE transaction');
    return this.base.startTransaction.apply(this.runner, args);
  }

  release(): Promise<void> {
    const ending = this.connection.end();
    const isSimple = !ending && !this.hasOpenTransaction && !this.mayBeInTransaction && !this.leaseToNote;
    return isSimple ? this.giveBack() : this.releaseAfter(ending);
  }

  private async releaseAfter(ending: Promise<unknown> | undefined): Promise<void> {
    await ending;
    if (this.mayBeInTransaction) await this.connection.rollBack();
    const lease = this.leaseToNote;
    if (lease)
      this.connection.poison = await noteReads(this.runner, lease, {
        want: this.want,
        cluster: this.cluster,
      });
    await this.giveBack();
    if (this.hasOpenTransaction) this.transaction(false);
  }

  private giveBack(): Promise<void> {
    const isReader = this.connection.lease?.session === 'read-only';
    const given = this.connection.giveBack();
    if (isReader) this.want = OVER;
    return given;
  }

  /** Whether a session that reads may still be in a transaction, which would fail whoever reads there next. */
  private get mayBeInTransaction(): boolean {
    const isLeft = this.wasRefused || this.isBound || this.parts.isTransactionActive;
    return isLeft && this.connection.lease?.session === 'read-only';
  }

  /** Where something was read whose place in the log the client must be told. */
  private get leaseToNote(): Lease | undefined {
    const { lease, poison } = this.connection;
    return lease && !poison && this.cluster.wantsReadPosition(this.want, lease) ? lease : undefined;
  }

  /** A text of the application's own, which may change its session, or write by calling functions. */
  private async sendRaw(
    sql: string,
    parameters?: unknown[],
    useStructuredResult?: boolean,
  ): Promise<unknown> {
    const binding = this.bindingOf(sql);
    if (binding === 'transaction' && this.mayPromote) this.promote();
    const answer = await this.send(sql, parameters, useStructuredResult);
    if (binding) this.isBound = this.isForReading;
    return answer;
  }

  private send(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    try {
      if (this.isForReading) this.prepareToRead(sql);
    } catch (error) {
      return Promise.reject(error);
    }
    // Sessions that only read are not watched.
    if (this.isForReading || !useStructuredResult) return this.attempt(sql, parameters, useStructuredResult);
    return this.asMade(sql, () => this.attempt(sql, parameters, true));
  }

  private attempt(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    const answer = this.base.query.call(this.runner, sql, parameters, useStructuredResult);
    // It has asked for the connection by now. When it fails the session may be elsewhere.
    const { checkout } = this.connection;
    return answer.catch(async (error: unknown) => {
      await this.recover({ error, sql, lease: checkout?.lease });
      return this.attempt(sql, parameters, useStructuredResult);
    });
  }

  /** Before anything is sent on a session that reads. */
  private prepareToRead(sql: string): void {
    const { connection } = this;
    if (this.cluster.dialect.takesAdvisoryLock(sql)) this.refuse('An advisory lock');
    if (!this.isHeld(sql)) {
      // Nothing was under way on a connection that died while idle, so that another will do.
      if (connection.hasDied) connection.drop();
    } else if (connection.poison) {
      // What hangs on a lost connection would only hang again.
      throw connection.poison;
    }
  }

  private bindingOf(sql: string): 'transaction' | 'settings' | undefined {
    if (!this.isForReading || this.parts.isTransactionActive) return undefined;
    return this.cluster.dialect.bindsSession(sql);
  }

  /** Returns when the query may be sent again, throws what the caller is told otherwise. */
  private async recover(query: FailedQuery): Promise<void> {
    const { error, sql, lease, hasRows } = query;
    if (!lease) throw error;
    const { failures } = this.cluster;
    const kind = failures.report(lease, error);
    const isHere = lease === this.connection.lease;
    if (losesConnection(kind) && isHere) this.connection.poison = error;
    if (lease.session === 'writable') {
      const told = await failures.explainWrite(lease, error, kind);
      noteUnavailable(this.want, told);
      throw told;
    }
    if (kind === 'read-only') return isHere || hasRows ? this.refuse(undefined, query) : undefined;
    if (this.isHeld(sql)) throw error;
    const isRepeated = !hasRows && failures.mayRepeat(kind, lease);
    if (isHere && (isRepeated || losesConnection(kind))) this.connection.drop();
    if (!isRepeated) throw error;
    if (kind === 'schema-behind' || kind === 'unlogged')
      this.want = { ...this.want, fallback: 'behind-schema' };
    else this.connection.exclude(lease);
  }

  /** A write under replica intent: an error, or the primary from here on. */
  private refuse(statement: string | undefined, query?: FailedQuery): void {
    const { dialect, router } = this.cluster;
    const { error, sql = '', hasRows } = query ?? {};
    const isStuck = hasRows || this.isHeld(sql);
    if (this.mayPromote && !isStuck) {
      if (SEVERAL.test(sql)) this.connection.poison = error; // it may have begun a transaction on its way
      return this.promote();
    }
    this.wasRefused = true;
    // Too late for this connection, but the rest of the unit, and the handler's next one, go to the primary.
    if (this.mayPromote) this.cluster.promote(this.want, this.writes === 'promote-silently');
    router.countRefusedWrite();
    throw refusal(statement ?? dialect.refusedStatement(error, sql), this.want, error);
  }

  private promote(): void {
    this.connection.drop();
    this.want = this.cluster.promote(this.want, this.writes === 'promote-silently');
  }

  /** Whether it reads with replica intent, so that nothing may be written on it. */
  private get isForReading(): boolean {
    return this.writes !== 'allow' && this.want.choice.intent === 'replica';
  }

  /** An explicit block or view is never promoted. */
  private get mayPromote(): boolean {
    return this.isForReading && this.writes !== 'reject' && this.want.choice.reason !== 'explicit';
  }

  /** Whether the session cannot be changed for another: `START TRANSACTION` itself has not begun anything. */
  private isHeld(sql: string): boolean {
    return this.isBound || (this.parts.isTransactionActive && sql !== 'START TRANSACTION');
  }
}

/** A text of several statements. */
const SEVERAL = /;\s*\S/;
