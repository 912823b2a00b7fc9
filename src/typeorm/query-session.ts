import type { EventEmitter } from 'node:events';
import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/nodes/lease.js';
import type { FailureKind } from '../engine.js';
import type { Want } from '../cluster/routing/router.js';
import { losesConnection, noteUnavailable, type FailedQuery } from './failed-query.js';
import { LeasedConnection, type Checkout } from './leased-connection.js';
import { markIfRefusal, markRefused, rejected } from '../context/mark-refused.js';
import { methodsOf, partsOf, type QueryRunnerMethods, type QueryRunnerParts } from './internals.js';
import { noteReads } from './note-reads.js';
import { RepeatableStream } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';
import { SessionIntent, type SessionTerms } from './session-intent.js';
import { SessionWrites } from './session-writes.js';

export type StartTransaction = Parameters<QueryRunner['startTransaction']>;

/**
 * Stands between a query runner of TypeORM and its pool: chooses the node when the first connection is needed, moves
 * reads to another node when theirs fails, and hears of writes. The runner stays TypeORM's own in everything else.
 */
export class QuerySession {
  private readonly intent: SessionIntent;
  private readonly parts: QueryRunnerParts;
  private readonly base: QueryRunnerMethods;
  private readonly connection: LeasedConnection;
  private madeWrites: SessionWrites | undefined;
  /** The application has changed its session (`SET`, `BEGIN` as text): no other connection is like it. */
  private isBound = false;
  /** What it has changed outlives transactions: the connection is not for others. */
  private hasSettings = false;

  constructor(
    private readonly runner: QueryRunner,
    terms: SessionTerms,
    private readonly cluster: RoutedCluster,
  ) {
    this.intent = new SessionIntent(terms, cluster);
    this.parts = partsOf(runner);
    this.base = methodsOf(runner);
    this.connection = new LeasedConnection(runner, cluster, this);
  }

  /** Refuses a write on a session that reads, or moves the session to where it may write. */
  prepareToWrite(statement: string): void {
    if (this.intent.isForReading) this.refuse(statement);
  }

  /** Made when something is written: most runners only read. */
  get writes(): SessionWrites {
    return (this.madeWrites ??= new SessionWrites(this.intent, this.connection, this.cluster));
  }

  connect(): Promise<unknown> {
    return this.connection.open(this.want);
  }

  /** TypeORM's texts look no different from the application's own, whatever the flags that they are sent with. */
  query(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    const { binds } = this.cluster.engine.traitsOf(sql);
    return binds
      ? markRefused(this.sendBinding(binds, sql, parameters, useStructuredResult))
      : this.send(sql, parameters, useStructuredResult);
  }

  async stream(sql: string, parameters?: unknown[]): Promise<RepeatableStream> {
    if (this.intent.isForReading) this.prepareToRead(sql);
    let checkout: Checkout | undefined;
    const { want } = this;
    let isRepeat = false;
    return RepeatableStream.open({
      lastWordOf: this.cluster.engine.connector.lastWordOf,
      open: async () => {
        const opening = this.base.stream.call(this.runner, sql, parameters);
        checkout = this.connection.checkout;
        return { rows: await opening, connection: this.parts.databaseConnection as EventEmitter };
      },
      recover: (error, hasRows) => {
        const failed = { error, sql, want, lease: checkout?.lease, hasRows, isRepeat };
        isRepeat = true;
        return this.recover(failed);
      },
    });
  }

  startTransaction(...args: StartTransaction): Promise<void> {
    try {
      if (this.intent.mayPromote) this.promote();
      const isolation = args[0] ?? (this.cluster.defaultIsolation as StartTransaction[0]);
      if (isolation && !this.cluster.engine.mayReadAt(isolation))
        this.prepareToWrite(`A ${isolation} transaction`);
    } catch (error) {
      return rejected(error);
    }
    return this.base.startTransaction.apply(this.runner, args);
  }

  release(): Promise<void> {
    const ending = this.connection.end();
    const isSimple =
      !ending && !this.hasSettings && !this.connection.isInTransaction(this.isBound) && !this.leaseToNote;
    return isSimple ? this.giveBack() : this.releaseAfter(ending);
  }

  /** The next one gets the connection as this one got it, or does not get it. */
  private async releaseAfter(ending: Promise<unknown> | undefined): Promise<void> {
    await ending;
    if (this.connection.isInTransaction(this.isBound)) await this.connection.rollBack();
    const lease = this.leaseToNote;
    if (lease)
      this.connection.poison = await noteReads(this.runner, lease, {
        want: this.want,
        cluster: this.cluster,
      });
    if (this.hasSettings) this.connection.poison ??= new Error('The session was changed.');
    await this.giveBack();
    if (this.madeWrites?.hasOpenTransaction) this.writes.transaction(false);
  }

  private giveBack(): Promise<void> {
    const isReader = this.connection.lease?.session === 'read-only';
    const given = this.connection.giveBack();
    if (isReader) this.intent.end();
    return given;
  }

  /** Where something was read whose place in the log the client must be told. */
  private get leaseToNote(): Lease | undefined {
    const { lease, poison } = this.connection;
    return lease && !poison && this.cluster.wantsReadPosition(this.want, lease) ? lease : undefined;
  }

  /** A text that changes its session. */
  private async sendBinding(
    binding: 'transaction' | 'settings',
    ...[sql, parameters, useStructuredResult]: Parameters<QueryRunnerMethods['query']>
  ): Promise<unknown> {
    const isInside = this.parts.isTransactionActive;
    if (binding === 'transaction' && !isInside && this.intent.mayPromote) this.promote();
    if (binding === 'settings') this.hasSettings = true;
    const rows = await this.send(sql, parameters, useStructuredResult);
    if (!isInside) this.isBound = this.intent.isForReading;
    return rows;
  }

  private send(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    try {
      if (this.intent.isForReading) this.prepareToRead(sql);
      else this.cluster.policy.observe(this.want, sql);
    } catch (error) {
      return rejected(error);
    }
    return this.attempt([sql, parameters, useStructuredResult]);
  }

  private attempt(query: Parameters<QueryRunnerMethods['query']>, isRepeat = false): Promise<unknown> {
    const [sql, , useStructuredResult] = query;
    // Sessions that only read are not watched.
    if (useStructuredResult && !this.intent.isForReading) this.writes.noteStructured(sql);
    const answer = this.base.query.apply(this.runner, query);
    // It has asked for the connection by now. When it fails the session may be elsewhere.
    const { checkout } = this.connection;
    const { want } = this;
    const told: Promise<unknown> = answer.catch(async (error: unknown) => {
      try {
        await this.recover({ error, sql, want, lease: checkout?.lease, isRepeat });
      } catch (toldError) {
        markIfRefusal(told, toldError);
        throw toldError;
      }
      return this.attempt(query, true);
    });
    return told;
  }

  /** Before anything is sent on a session that reads. */
  private prepareToRead(sql: string): void {
    const { connection } = this;
    if (this.cluster.engine.traitsOf(sql).takesAdvisoryLock) this.refuse('An advisory lock');
    if (!this.isHeld(sql)) {
      // Nothing was under way on a connection that died while idle, so that another will do.
      if (connection.hasDied) connection.drop();
    } else if (connection.poison) {
      // What hangs on a lost connection would only hang again.
      throw connection.poison;
    }
  }

  /** Returns when the query may be sent again, throws what the caller is told otherwise. */
  private async recover(query: FailedQuery): Promise<void> {
    const { error, sql, lease, hasRows, isRepeat } = query;
    this.madeWrites?.takeStructured(sql);
    if (!lease) throw error;
    const { failures } = this.cluster;
    const kind = failures.report(lease, error);
    const isHere = lease === this.connection.lease;
    if (isHere) this.connection.lastFailure = error;
    if (losesConnection(kind) && isHere) this.connection.poison = error;
    if (lease.session === 'writable') {
      const told = await failures.explainWrite(lease, error, kind);
      noteUnavailable(this.want, told);
      throw told;
    }
    if (this.connection.hasEnded) throw this.explainReleased(query, kind);
    if (kind === 'read-only') return isHere || hasRows ? this.refuse(undefined, query) : undefined;
    if (this.isHeld(sql)) throw error;
    const isRepeated = !hasRows && failures.mayRepeat(kind, lease);
    if (isHere && (isRepeated || losesConnection(kind))) this.connection.drop();
    if (!isRepeated) throw error;
    if (kind === 'schema-behind' || kind === 'unlogged') this.intent.leaveReplicas();
    // A server that has only ended the session is well, and is asked once more.
    else if (kind !== 'session-ended' || isRepeat) this.connection.exclude(lease);
  }

  /** The runner is released: a second connection would never be given back. */
  private explainReleased({ error, sql, want }: FailedQuery, kind: FailureKind): unknown {
    if (kind !== 'read-only') return error;
    return this.cluster.policy.refuse(this.cluster.engine.refusedStatement(error, sql), want, error);
  }

  /** A write under replica intent: an error, or the primary from here on. */
  private refuse(statement: string | undefined, query?: FailedQuery): void {
    const { error, sql = '', hasRows } = query ?? {};
    const isStuck = hasRows || this.isHeld(sql);
    if (this.intent.mayPromote && !isStuck) {
      if (this.cluster.engine.hasSeveralStatements(sql)) this.connection.poison = error; // it may have begun a transaction on its way
      return this.promote();
    }
    this.intent.refuse(statement ?? this.cluster.engine.refusedStatement(error, sql), error);
  }

  private promote(): void {
    this.connection.drop();
    this.intent.promote();
    this.parts.mode = 'master';
  }

  private get want(): Want {
    return this.intent.want;
  }

  /** Whether the session cannot be changed for another: `START TRANSACTION` itself has not begun anything. */
  private isHeld(sql: string): boolean {
    return this.isBound || (this.parts.isTransactionActive && !this.cluster.engine.traitsOf(sql).onlyBegins);
  }
}
