import type { Readable } from 'node:stream';
import type { QueryRunner } from 'typeorm';
import type { Lease } from '../cluster/lease.js';
import type { FailureKind } from '../cluster/probe.js';
import type { Want } from '../cluster/router.js';
import type { CapturedPosition, WriteWatch } from '../dialects/dialect.js';
import { UnavailableError } from '../errors.js';
import type { Driver } from './driver.js';
import type { OnWrite } from './on-write.js';
import { refusal } from './refusal.js';
import { methodsOf, partsOf, type QueryRunnerMethods, type QueryRunnerParts } from './query-runner-parts.js';
import { repeatableStream, whenOver } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';

/** How a query runner may behave, besides what it wants. */
export interface SessionTerms {
  readonly onWrite: OnWrite;
  /** Whether writes count as the application's: not those of TypeORM's result cache. */
  readonly countsWrites: boolean;
}

/** A query that has failed. */
interface FailedQuery {
  readonly error: unknown;
  readonly sql: string;
  /** Where it was sent; the session may be elsewhere by now, since queries of one runner can run side by side. */
  readonly lease: Lease | undefined;
  /** Rows have reached the caller, so that it cannot be sent again. */
  readonly hasRows?: boolean;
}

const KEY = Symbol.for('nestjs-replicated.session');

/** The session of a routed query runner; `undefined` for runners that this library does not route. */
export function sessionOf(runner: QueryRunner | undefined): RunnerSession | undefined {
  return (runner as { [KEY]?: RunnerSession } | undefined)?.[KEY];
}

type StartTransaction = Parameters<QueryRunner['startTransaction']>;

/**
 * Stands between a query runner of TypeORM and its pool: chooses the node when the first connection is needed, moves
 * reads to another node when theirs fails, and hears of writes. The runner stays TypeORM's own in everything else.
 */
export class RunnerSession implements WriteWatch {
  /** The application's own texts that run now: several can, on one runner. */
  private readonly rawTexts: string[] = [];
  private readonly parts: QueryRunnerParts;
  private readonly base: QueryRunnerMethods;
  private opening: Promise<unknown> | undefined;
  private lease: Lease | undefined;
  private failed: Set<string> | undefined;
  private poison: unknown;
  private hasOpenTransaction = false;
  /** The application has changed its session (`SET`, `BEGIN` as text), which no other connection has. */
  private isBound = false;
  private hasEnded = false;

  private constructor(
    readonly runner: QueryRunner,
    private want: Want,
    private readonly terms: SessionTerms,
    private readonly cluster: RoutedCluster,
  ) {
    this.parts = partsOf(runner);
    this.base = methodsOf(runner);
  }

  /** Makes a fresh runner follow `want`. */
  static attach(runner: QueryRunner, want: Want, terms: SessionTerms, cluster: RoutedCluster): QueryRunner {
    const session = new RunnerSession(runner, want, terms, cluster);
    return Object.assign(runner, {
      [KEY]: session,
      connect: () => session.connect(),
      query: (sql: string, parameters?: unknown[], structured?: boolean) =>
        session.query(sql, parameters, structured),
      stream: (sql: string, parameters?: unknown[], onEnd?: () => void, onError?: (error: Error) => void) =>
        session.stream(sql, parameters).then((stream) => whenOver(stream, onEnd, onError)),
      release: () => session.release(),
      startTransaction: (...args: StartTransaction) => session.startTransaction(...args),
    });
  }

  /** Whether it reads with replica intent, so that nothing may be written on it. */
  get isForReading(): boolean {
    return this.terms.onWrite !== 'allow' && this.want.choice.intent === 'replica';
  }

  /** Refuses a write on a session that reads, or moves the session to where it may write. */
  async prepareToWrite(statement: string): Promise<void> {
    if (this.isForReading) await this.refuse(statement);
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
    this.hasOpenTransaction = isOpen;
    this.cluster.noteTransaction(this.want, isOpen);
  }

  connect(): Promise<unknown> {
    return (this.opening ??= this.open().catch((error: unknown) => {
      this.opening = undefined;
      throw this.noted(error);
    }));
  }

  async query(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    const isRaw = useStructuredResult !== true;
    if (this.isForReading) await this.prepareToRead(sql, isRaw);
    if (!isRaw) return this.send(sql, parameters, true);
    this.rawTexts.push(sql);
    try {
      return await this.send(sql, parameters, useStructuredResult);
    } finally {
      this.rawTexts.splice(this.rawTexts.indexOf(sql), 1);
    }
  }

  async stream(sql: string, parameters?: unknown[]): Promise<Readable> {
    if (this.isForReading) await this.prepareToRead(sql, true);
    const open = async (): Promise<Readable> => {
      if (!this.lease && !this.hasEnded) await this.connect();
      lease = this.lease;
      return this.base.stream.call(this.runner, sql, parameters);
    };
    let lease: Lease | undefined;
    const first = await open();
    if (lease?.session !== 'read-only') return first;
    return repeatableStream(first, {
      recover: (error, hasRows) => this.recover({ error, sql, lease, hasRows }),
      reopen: open,
    });
  }

  async startTransaction(...args: StartTransaction): Promise<void> {
    if (this.mayPromote) await this.promote();
    const isolation = args[0] ?? (this.cluster.defaultIsolation as StartTransaction[0]);
    if (isolation === 'SERIALIZABLE') await this.prepareToWrite('A SERIALIZABLE transaction');
    return this.base.startTransaction.apply(this.runner, args);
  }

  async release(): Promise<void> {
    this.hasEnded = true;
    // A connection that is still on its way would never come back.
    if (this.opening && !this.lease) await this.opening.catch(() => undefined);
    const { lease } = this;
    if (lease && !this.poison && this.cluster.wantsReadPosition(this.want, lease))
      await this.noteReads(lease);
    if (this.poison) await this.parts.releasePostgresConnection(this.poison);
    else await this.base.release.call(this.runner);
    this.lease?.end();
    if (this.hasOpenTransaction) this.transaction(false);
  }

  /** What a client has read here it must not see older elsewhere; the connection is asked before others get it. */
  private async noteReads(lease: Lease): Promise<void> {
    const { databaseConnection, isReleased } = this.parts;
    if (!databaseConnection || isReleased) return;
    try {
      const position = await this.cluster.dialect.readPosition(databaseConnection);
      await this.cluster.noteRead(this.want, lease, position);
    } catch (error) {
      // The read itself has succeeded. Of its place in the log nothing is known: the node is asked whether it is well.
      if (LOST.has(this.cluster.failures.report(lease, error))) this.poison = error;
    }
  }

  private async send(sql: string, parameters?: unknown[], useStructuredResult?: boolean): Promise<unknown> {
    for (;;) {
      if (!this.lease && !this.hasEnded) await this.connect();
      const { lease } = this;
      try {
        return await this.base.query.call(this.runner, sql, parameters, useStructuredResult);
      } catch (error) {
        await this.recover({ error, sql, lease });
      }
    }
  }

  private async open(): Promise<unknown> {
    for (;;) {
      const lease = await this.cluster.router.lease(this.want, this.failed);
      try {
        return await this.takeConnection(lease);
      } catch (error) {
        lease.end();
        this.forgetConnection();
        if (!this.cluster.failures.mayMoveOn(lease, error))
          throw this.cluster.failures.explainConnect(lease, error);
        this.exclude(lease);
      }
    }
  }

  private async takeConnection(lease: Lease): Promise<unknown> {
    this.parts.driver = (await lease.pool.open()) as Driver;
    const connection = await this.base.connect.call(this.runner);
    this.lease = lease;
    if (lease.session === 'read-only') return connection;
    return (this.parts.databaseConnection = this.cluster.dialect.observeWrites(connection, this));
  }

  /** Before anything is sent on a session that reads. */
  private async prepareToRead(sql: string, isRaw: boolean): Promise<void> {
    const { dialect } = this.cluster;
    if (dialect.takesAdvisoryLock(sql)) await this.refuse('An advisory lock');
    if (this.isHeld(sql)) {
      // What hangs on a lost connection would only hang again.
      if (this.poison) throw this.poison;
      return;
    }
    // An idle connection that dies makes TypeORM release the runner: nothing was under way, so another will do.
    if (this.lease && this.parts.isReleased && !this.hasEnded) await this.disconnect();
    const binding = isRaw ? dialect.bindsSession(sql) : undefined;
    if (binding === 'transaction' && this.mayPromote) await this.promote();
    else if (binding) this.isBound = true;
  }

  /** Resolves when the query may be sent again, throws what the caller is told otherwise. */
  private async recover(query: FailedQuery): Promise<void> {
    const { error, sql, lease, hasRows } = query;
    if (!lease) throw error;
    const { failures } = this.cluster;
    const kind = failures.report(lease, error);
    const isLost = LOST.has(kind);
    const isHere = lease === this.lease;
    if (isLost && isHere) this.poison = error;
    if (lease.session === 'writable') throw this.noted(await failures.explainWrite(lease, error, kind));
    if (kind === 'read-only') return isHere || hasRows ? this.refuse(undefined, query) : undefined;
    if (this.isHeld(sql)) throw error;
    const isRepeated = !hasRows && failures.mayRepeat(kind, lease);
    if (isHere && (isRepeated || isLost)) await this.disconnect();
    if (!isRepeated) throw error;
    if (kind === 'schema-behind' || kind === 'unlogged')
      this.want = { ...this.want, fallback: 'behind-schema' };
    else this.exclude(lease);
  }

  /** A write under replica intent: an error, or the primary from here on. */
  private async refuse(statement: string | undefined, query?: FailedQuery): Promise<void> {
    const { dialect, router } = this.cluster;
    const { error, sql = '', hasRows } = query ?? {};
    const isStuck = hasRows || this.isHeld(sql);
    if (this.mayPromote && !isStuck) return this.promote();
    // Too late for this session, but the rest of the unit, and the handler's next one, go to the primary.
    if (this.mayPromote) this.cluster.promote(this.want, this.terms.onWrite === 'promote-silently');
    router.countRefusedWrite();
    throw refusal(statement ?? dialect.refusedStatement(error, sql), this.want, error);
  }

  /** An explicit block or view is never promoted. */
  private get mayPromote(): boolean {
    return this.isForReading && this.terms.onWrite !== 'reject' && this.want.choice.reason !== 'explicit';
  }

  private async promote(): Promise<void> {
    await this.disconnect();
    this.want = this.cluster.promote(this.want, this.terms.onWrite === 'promote-silently');
  }

  /** Whether the session cannot be changed for another: `START TRANSACTION` itself has not begun anything. */
  private isHeld(sql: string): boolean {
    return this.isBound || (this.parts.isTransactionActive && sql !== 'START TRANSACTION');
  }

  private async disconnect(): Promise<void> {
    if (!this.opening) return;
    const released = this.parts.releasePostgresConnection(this.poison);
    this.lease?.end();
    this.lease = undefined;
    this.opening = undefined;
    this.poison = undefined;
    this.isBound = false;
    this.forgetConnection();
    await released;
  }

  private forgetConnection(): void {
    this.parts.isReleased = false;
    this.parts.databaseConnection = undefined;
    this.parts.databaseConnectionPromise = undefined;
  }

  private noted(error: unknown): unknown {
    if (error instanceof UnavailableError) this.want.scope?.unit.noteUnavailable(error);
    return error;
  }

  private exclude({ node, session }: Lease): void {
    if (session === 'read-only') (this.failed ??= new Set()).add(node.name);
  }
}

/** Kinds of failure after which a connection is dead, or busy for ever. */
const LOST = new Set<FailureKind>(['connection', 'timeout']);
