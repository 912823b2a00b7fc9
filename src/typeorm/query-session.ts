import type { EventEmitter } from 'node:events';
import type { QueryRunner } from 'typeorm';
import { markIfRefusal, markRefused, rejected } from '../context/mark-refused.js';
import type { TextTraits } from '../engine.js';
import type { RunnerMethods } from './internals.js';
import { withComment } from './query-comment.js';
import { RepeatableStream, whenOver } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';
import { endWhenAbandoned } from './abandoned.js';
import { guardEvents } from './persistence-guard.js';
import { acquire } from './session-connection.js';
import {
  leaveIfDead,
  mayPromote,
  prepareToRead,
  prepareToWrite,
  promoteUntold,
  recover,
} from './session-recovery.js';
import { release } from './session-release.js';
import {
  SESSION,
  type Checkout,
  type QuerySession,
  type RoutedRunner,
  type SessionTerms,
} from './session-state.js';

type Query = Parameters<RunnerMethods['query']>;
type StartTransaction = Parameters<QueryRunner['startTransaction']>;

/** Puts a session in front of a fresh runner. */
export function attachSession(
  given: QueryRunner,
  { want, isGuarded, countsWrites }: SessionTerms,
  cluster: RoutedCluster,
): QueryRunner {
  const runner = given as RoutedRunner;
  runner[SESSION] = {
    runner,
    base: Object.getPrototypeOf(runner) as RunnerMethods,
    cluster,
    isGuarded,
    countsWrites,
    want,
    isReading: isGuarded && want.choice.intent === 'replica',
    state: { kind: 'none' },
    failed: undefined,
    hasOpenTransaction: false,
    structuredTexts: [],
  };
  const methods: RunnerMethods = runner;
  methods.connect = connect;
  methods.query = query;
  methods.stream = stream;
  methods.release = release;
  methods.startTransaction = startTransaction;
  return given;
}

// The same for all runners: closures of each would be made, and warmed up, for every query.

function connect(this: RoutedRunner): Promise<unknown> {
  const session = this[SESSION];
  const { state } = session;
  if (state.kind === 'acquiring' && state.connection) return state.connection;
  const connection = state.kind === 'none' ? undefined : this.databaseConnection;
  return connection ? Promise.resolve(connection) : acquire(session);
}

/** TypeORM's texts look no different from the application's own, whatever the flags that they are sent with. */
function query(this: RoutedRunner, ...sent: Query): Promise<unknown> {
  const [sql] = sent;
  const session = this[SESSION];
  let change: Change;
  try {
    change = prepare(session, sql);
  } catch (error) {
    return rejected(error);
  }
  const answer = attempt(session, sent, change.binds === 'settings' ? SETTING : USUAL);
  return change.isBare ? markRefused(answer.then((rows) => bind(session, rows))) : answer;
}

/** What a text changes of its session. */
interface Change {
  readonly binds: TextTraits['binds'];
  /** Of a session that reads, outside of transactions of TypeORM. */
  readonly isBare: boolean;
}

function prepare(session: QuerySession, sql: string): Change {
  const { cluster, runner } = session;
  const { binds, takesLock } = cluster.engine.traitsOf(sql);
  const isBare = binds !== undefined && session.isReading && !runner.isTransactionActive;
  if (isBare && binds === 'transaction' && mayPromote(session)) promoteUntold(session);
  if (!session.isReading) {
    if (cluster.rollout.mode === 'observe') cluster.policy.observe(session.want, sql);
    if (session.state.kind !== 'none') leaveIfDead(session, sql);
  } else if (takesLock || session.failed || session.want.fallback || session.state.kind !== 'none')
    prepareToRead(session, sql, takesLock);
  return { binds, isBare };
}

/** The application has changed a session that reads, outside of transactions of TypeORM. */
function bind<Rows>({ state, isReading }: QuerySession, rows: Rows): Rows {
  if (state.kind === 'held' || state.kind === 'broken') state.checkout.isBound = isReading;
  return rows;
}

interface AboutAttempt {
  /** What it changes outlives transactions. */
  readonly changesSettings: boolean;
  readonly isRepeat: boolean;
}
const USUAL: AboutAttempt = { changesSettings: false, isRepeat: false };
const SETTING: AboutAttempt = { changesSettings: true, isRepeat: false };

function attempt(
  session: QuerySession,
  given: Query,
  { changesSettings, isRepeat }: AboutAttempt,
): Promise<unknown> {
  const sent = session.cluster.options.routing.comment ? commented(given, session) : given;
  const [sql, , useStructuredResult] = sent;
  // Sessions that only read are not watched.
  if (useStructuredResult && !session.isReading) session.structuredTexts.push(sql);
  const answer = session.base.query.apply(session.runner, sent);
  const { state, want } = session;
  // It has asked for the connection by now. When it fails the session may be elsewhere.
  const checkout = state.kind === 'none' ? undefined : state.checkout;
  if (changesSettings && checkout) checkout.hasSettings = true;
  const told: Promise<unknown> = answer.catch(async (error: unknown) => {
    try {
      await recover(session, { error, sql, want, lease: checkout?.lease, isRepeat });
    } catch (toldError) {
      markIfRefusal(told, toldError);
      throw toldError;
    }
    return attempt(session, given, { changesSettings, isRepeat: true });
  });
  return told;
}

function commented([sql, ...others]: Query, { want }: QuerySession): Query {
  return [withComment(sql, want), ...others];
}

async function stream(
  this: RoutedRunner,
  ...[sql, parameters, onEnd, onError]: Parameters<RunnerMethods['stream']>
): ReturnType<RunnerMethods['stream']> {
  const session = this[SESSION];
  const { cluster, base } = session;
  const { binds, isBare } = prepare(session, sql);
  const { want } = session;
  const text = cluster.options.routing.comment ? withComment(sql, want) : sql;
  let checkout: Checkout | undefined;
  let isRepeat = false;
  const rows = await RepeatableStream.open({
    lastWordOf: cluster.engine.connector.lastWordOf,
    open: async () => {
      const opening = base.stream.call(this, text, parameters);
      const { state } = session;
      checkout = state.kind === 'none' ? undefined : state.checkout;
      if (checkout && binds === 'settings') checkout.hasSettings = true;
      return { rows: await opening, connection: this.databaseConnection as EventEmitter };
    },
    recover: (error, hasRows) => {
      const failed = { error, sql, want, lease: checkout?.lease, hasRows, isRepeat };
      isRepeat = true;
      return recover(session, failed);
    },
  });
  if (isBare) bind(session, rows);
  if (cluster.options.routing.cancelAbandoned) endWhenAbandoned(rows, session);
  return whenOver(rows, { onEnd, onError });
}

function startTransaction(this: RoutedRunner, ...args: StartTransaction): Promise<void> {
  const session = this[SESSION];
  const { engine, options } = session.cluster;
  try {
    if (session.isReading) {
      if (mayPromote(session)) promoteUntold(session);
      const isolation = args[0] ?? (options.dataSource['isolationLevel'] as StartTransaction[0]);
      if (isolation && !engine.mayReadAt(isolation)) prepareToWrite(session, `A ${isolation} transaction`);
    }
    if (session.isReading && !this.isTransactionActive) guardEvents(session);
  } catch (error) {
    return rejected(error);
  }
  return session.base.startTransaction.apply(this, args);
}
