import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/lease.js';
import type { FailureKind } from '../cluster/probe.js';
import type { Want } from '../cluster/router.js';
import type { CapturedPosition, WriteWatch } from '../dialects/dialect.js';
import { UnavailableError } from '../errors.js';
import type { Driver } from './driver.js';
import type { OnWrite } from './on-write.js';
import { refusal } from './refusal.js';
import { partsOf, type QueryRunnerParts } from './query-runner-parts.js';
import type { RoutedCluster } from './routed-cluster.js';

/** How a query runner may behave, besides what it wants. */
export interface SessionTerms {
  readonly onWrite: OnWrite;
  /** Whether writes count as the application's: not those of TypeORM's result cache. */
  readonly countsWrites: boolean;
}

const KEY = Symbol.for('nestjs-replicated.session');

/** The session of a routed query runner; `undefined` for runners that this library does not route. */
export function sessionOf(runner: QueryRunner | undefined): RunnerSession | undefined {
  return (runner as { [KEY]?: RunnerSession } | undefined)?.[KEY];
}

type Query = (sql: string, parameters?: unknown[], useStructuredResult?: boolean) => Promise<unknown>;

/**
 * Stands between a query runner of TypeORM and its pool: chooses the node when the first connection is needed, moves
 * reads to another node when theirs fails, and hears of writes. The runner stays TypeORM's own in everything else.
 */
export class RunnerSession implements WriteWatch {
  /** The application's own texts that run now: several can, on one runner. */
  private readonly rawTexts: string[] = [];
  private readonly parts: QueryRunnerParts;
  private readonly connectBase: () => Promise<unknown>;
  private readonly queryBase: Query;
  private readonly releaseBase: () => Promise<void>;
  private readonly startBase: QueryRunner['startTransaction'];
  private opening: Promise<unknown> | undefined;
  private lease: Lease | undefined;
  private failed: Set<string> | undefined;
  private poison: unknown;
  private isInTransaction = false;

  private constructor(
    readonly runner: QueryRunner,
    private want: Want,
    private readonly terms: SessionTerms,
    private readonly cluster: RoutedCluster,
  ) {
    this.parts = partsOf(runner);
    this.connectBase = runner.connect.bind(runner);
    this.queryBase = (runner.query as Query).bind(runner);
    this.releaseBase = runner.release.bind(runner);
    this.startBase = runner.startTransaction.bind(runner);
  }

  /** Makes a fresh runner follow `want`. */
  static attach(runner: QueryRunner, want: Want, terms: SessionTerms, cluster: RoutedCluster): QueryRunner {
    const session = new RunnerSession(runner, want, terms, cluster);
    return Object.assign(runner, {
      [KEY]: session,
      connect: () => session.connect(),
      query: (sql: string, parameters?: unknown[], structured?: boolean) =>
        session.query(sql, parameters, structured),
      release: () => session.release(),
      startTransaction: (...args: Parameters<QueryRunner['startTransaction']>) =>
        session.startTransaction(...args),
    });
  }

  /** Whether it reads with replica intent, so that nothing may be written on it. */
  get isForReading(): boolean {
    return this.terms.onWrite !== 'allow' && this.want.choice.intent === 'replica';
  }

  /** Refuses a write on a session that reads, or moves the session to where it may write. */
  async prepareToWrite(statement: string): Promise<void> {
    if (this.isForReading) await this.refuse(statement, {});
  }

  get wantsPosition(): boolean {
    return this.terms.countsWrites && this.cluster.wantsPosition(this.want);
  }

  isRaw(text: string): boolean {
    return this.rawTexts.includes(text);
  }

  committed(captured: CapturedPosition | undefined, problem?: unknown): void | Promise<void> {
    // The caller hears of a commit, not of what came after it: this connection must not be used again.
    if (problem && LOST.has(this.cluster.dialect.classify(problem))) this.poison ??= problem;
    if (this.terms.countsWrites) return this.cluster.noteWrite(this.want, captured);
  }

  transaction(isOpen: boolean): void {
    this.isInTransaction = isOpen;
    this.cluster.noteTransaction(this.want, isOpen);
  }

  connect(): Promise<unknown> {
    return (this.opening ??= this.open().catch((error: unknown) => this.fail(error)));
  }

  async query(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    if (this.cluster.dialect.takesAdvisoryLock(sql)) await this.prepareToWrite('An advisory lock');
    if (useStructuredResult === true) return this.send(sql, parameters, true);
    this.rawTexts.push(sql);
    try {
      return await this.send(sql, parameters, useStructuredResult);
    } finally {
      this.rawTexts.splice(this.rawTexts.indexOf(sql), 1);
    }
  }

  async startTransaction(...args: Parameters<QueryRunner['startTransaction']>): Promise<void> {
    if (this.isForReading && this.terms.onWrite !== 'reject' && !this.isExplicit) await this.promote();
    const isolation = args[0] ?? (this.cluster.defaultIsolation as (typeof args)[0]);
    if (isolation === 'SERIALIZABLE') await this.prepareToWrite('A SERIALIZABLE transaction');
    return this.startBase(...args);
  }

  async release(): Promise<void> {
    const { poison } = this;
    if (poison) await this.parts.releasePostgresConnection(poison);
    else await this.releaseBase();
    this.lease?.end();
    if (this.isInTransaction) this.transaction(false);
  }

  private async send(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    for (;;) {
      try {
        return await this.queryBase(sql, parameters, useStructuredResult);
      } catch (error) {
        await this.recover(error, sql);
      }
    }
  }

  private async open(): Promise<unknown> {
    for (;;) {
      const lease = await this.cluster.router.lease(this.want, this.failed);
      try {
        this.parts.driver = (await lease.pool.open()) as Driver;
        const connection = await this.connectBase();
        this.lease = lease;
        if (lease.session === 'read-only') return connection;
        return (this.parts.databaseConnection = this.cluster.dialect.observeWrites(connection, this));
      } catch (error) {
        lease.end();
        this.forgetConnection();
        if (!this.cluster.failures.mayMoveOn(lease, error))
          throw this.cluster.failures.explainConnect(lease, error);
        this.exclude(lease);
      }
    }
  }

  /** Resolves when the query may be sent again, throws what the caller is told otherwise. */
  private async recover(error: unknown, sql: string): Promise<void> {
    const { lease } = this;
    if (!lease) throw error;
    const { failures } = this.cluster;
    const kind = failures.report(lease, error);
    if (LOST.has(kind)) this.poison = error;
    if (lease.session === 'writable') this.fail(await failures.explainWrite(lease, error, kind));
    if (kind === 'read-only') return this.refuse(undefined, { error, sql });
    if (this.parts.isTransactionActive || !failures.mayRepeat(kind, lease)) throw error;
    await this.disconnect(error);
    if (kind === 'schema-behind' || kind === 'unlogged')
      this.want = { ...this.want, fallback: 'behind-schema' };
    else this.exclude(lease);
  }

  /** A write under replica intent: an error, or the primary from here on. */
  private async refuse(
    statement: string | undefined,
    { error, sql = '' }: { error?: unknown; sql?: string },
  ): Promise<void> {
    const { dialect } = this.cluster;
    if (this.terms.onWrite === 'reject' || this.isExplicit || this.parts.isTransactionActive) {
      this.cluster.router.countRefusedWrite();
      throw refusal(statement ?? dialect.refusedStatement(error, sql), this.want, error);
    }
    await this.promote();
  }

  private async promote(): Promise<void> {
    await this.disconnect();
    this.want = this.cluster.promote(this.want, this.terms.onWrite === 'promote-silently');
  }

  /** An explicit block or view is never promoted. */
  private get isExplicit(): boolean {
    return this.want.choice.reason === 'explicit';
  }

  private async disconnect(error?: unknown): Promise<void> {
    if (!this.opening) return;
    await this.parts.releasePostgresConnection(this.poison ? error : undefined);
    this.lease?.end();
    this.lease = undefined;
    this.poison = undefined;
    this.forgetConnection();
  }

  private forgetConnection(): void {
    this.opening = undefined;
    this.parts.isReleased = false;
    this.parts.databaseConnection = undefined;
    this.parts.databaseConnectionPromise = undefined;
  }

  private fail(error: unknown): never {
    if (error instanceof UnavailableError) this.want.scope?.unit.noteUnavailable(error);
    throw error;
  }

  private exclude({ node, session }: Lease): void {
    if (session === 'read-only') (this.failed ??= new Set()).add(node.name);
  }
}

/** Kinds of failure after which a connection is dead, or busy for ever. */
const LOST = new Set<FailureKind>(['connection', 'timeout']);
