import type { Lease } from '../cluster/nodes/lease.js';
import type { Want } from '../cluster/routing/want.js';
import type { FailureKind } from '../engine.js';
import type { FallbackReason } from '../routing/route.js';
import { drop, exclude, noteUnavailable } from './session-connection.js';
import type { QueryRunner } from 'typeorm';
import {
  breakOff,
  losesConnection,
  SESSION,
  setWant,
  type QuerySession,
  type RoutedRunner,
} from './session-state.js';
import { takeStructured } from './session-writes.js';

/** A query that has failed. */
export interface FailedQuery {
  readonly error: unknown;
  readonly sql: string;
  /** What its runner wanted when it was sent. */
  readonly want: Want;
  /** Where it was sent; the session may be elsewhere by now, since queries of one runner can run side by side. */
  readonly lease: Lease | undefined;
  /** Rows have reached the caller, so that it cannot be sent again. */
  readonly hasRows?: boolean;
  /** It had failed before, and this is another attempt. */
  readonly isRepeat?: boolean;
}

/** Returns when the query may be sent again, throws what the caller is told otherwise. */
export async function recover(session: QuerySession, query: FailedQuery): Promise<void> {
  const { error, sql, lease, hasRows, isRepeat } = query;
  takeStructured(session, sql);
  if (!lease) throw error;
  const { failures } = session.cluster;
  const kind = failures.report(lease, error);
  const isHere = lease === checkoutOf(session)?.lease;
  if (isHere) noteFailure(session, error, kind);
  if (lease.session === 'writable') {
    const hasBegun = !session.cluster.engine.traitsOf(sql).onlyBegins;
    if (isHere && losesConnection(kind) && !hasBegun && !isRepeat) return drop(session);
    const told = await failures.explainWrite(lease, error, kind);
    noteUnavailable(session.want, told);
    throw told;
  }
  if (session.state.kind === 'ended') throw explainReleased(session, query, kind);
  if (kind === 'read-only') return isHere || hasRows ? refuse(session, undefined, query) : undefined;
  if (isTied(session, sql)) throw error;
  const isRepeated = !hasRows && failures.mayRepeat(kind, lease);
  if (isHere && (isRepeated || losesConnection(kind))) drop(session);
  if (!isRepeated) throw error;
  const fallback = FALLBACKS[kind];
  if (fallback) setWant(session, { ...session.want, fallback });
  if (fallback === 'behind-schema') return; // no replica can answer this
  // A server that has only ended the session is well, or may be when it was this process that stood still: asked once more.
  const mayBeWell = kind === 'session-ended' || lease.node.observer.stoodStill;
  if (!mayBeWell || isRepeat) exclude(lease, session);
}

/** What another replica would fail with, too, or could; on the primary it cannot happen. */
const FALLBACKS: Readonly<Partial<Record<FailureKind, FallbackReason>>> = {
  'schema-behind': 'behind-schema',
  unlogged: 'behind-schema',
  'recovery-conflict': 'recovery-conflict',
};

/** That one query has failed, and where, says nothing of the next. */
function leaveFallback(session: QuerySession, sql: string): void {
  session.failed = undefined;
  const { fallback } = session.want;
  // `.orPrimary` asks the primary from the start.
  if (!fallback || fallback === 'empty-answer' || session.state.kind === 'acquiring' || isTied(session, sql))
    return;
  drop(session);
  const { fallback: _left, ...want } = session.want;
  setWant(session, want);
}

function checkoutOf({ state }: QuerySession) {
  return state.kind === 'none' ? undefined : state.checkout;
}

function noteFailure(session: QuerySession, error: unknown, kind: FailureKind): void {
  const checkout = checkoutOf(session);
  if (checkout) checkout.lastFailure = error;
  if (losesConnection(kind)) breakOff(session, error);
}

/** The runner is released: a second connection would never be given back. */
function explainReleased(
  { cluster }: QuerySession,
  { error, sql, want }: FailedQuery,
  kind: FailureKind,
): unknown {
  if (kind !== 'read-only') return error;
  return cluster.policy.refuse(cluster.engine.refusedStatement(error, sql), want, error);
}

/** Before anything is sent on a session that reads. */
export function prepareToRead(session: QuerySession, sql: string, takesLock: string | undefined): void {
  if (takesLock) refuse(session, takesLock);
  leaveFallback(session, sql);
  const { state, runner, cluster } = session;
  if (state.kind === 'none' || state.kind === 'acquiring' || state.kind === 'ended') return;
  const hasDied = state.kind === 'broken' || cluster.engine.connector.hasDied(runner);
  if (!hasDied) return;
  // Nothing was under way on a connection that died while idle, so that another will do.
  if (!isTied(session, sql)) drop(session);
  // What hangs on a lost connection would only hang again.
  else if (state.kind === 'broken') throw state.why;
}

/**
 * Before anything is sent on a session that may write: a runner may live as long as its process, and takes another
 * connection when its own has died, unless that was inside a transaction, or was changed.
 */
export function leaveIfDead(session: QuerySession, sql: string): void {
  const { state, runner, cluster } = session;
  if (state.kind !== 'held' && state.kind !== 'broken') return;
  if (state.kind === 'held' && !cluster.engine.connector.hasDied(runner)) return;
  const isInside = isTied(session, sql) || cluster.engine.isInTransaction(runner.databaseConnection);
  if (!isInside && !state.checkout.hasSettings) drop(session);
}

/** A runner that TypeORM takes for released, since its connection has died while it was idle, takes another one. */
export function revive(runner: QueryRunner): void {
  const session = (runner as Partial<RoutedRunner>)[SESSION];
  if (session && session.state.kind !== 'ended') leaveIfDead(session, '');
}

/** Refuses a write on a session that reads, or moves the session to where it may write. */
export function prepareToWrite(session: QuerySession, statement: string): void {
  if (session.isReading) refuse(session, statement);
}

/** A write under replica intent: an error, or the primary from here on. */
function refuse(session: QuerySession, statement: string | undefined, query?: FailedQuery): void {
  const { error, sql = '', hasRows } = query ?? {};
  const { policy, engine } = session.cluster;
  const mayMove = mayPromote(session);
  if (mayMove && !hasRows && !isTied(session, sql)) {
    if (engine.hasSeveralStatements(sql)) breakOff(session, error); // it may have begun a transaction on its way
    return promote(session);
  }
  const refused = session.want;
  // Too late for this connection, but the rest of the unit, and the handler's next one, go to the primary.
  if (mayMove) promoted(session);
  throw policy.refuse(statement ?? engine.refusedStatement(error, sql), refused, error);
}

/** Whether a write goes to the primary: as it was when the runner was made, or since its handler has ended. */
export function mayPromote({ isReading, cluster, want }: QuerySession): boolean {
  return isReading && cluster.policy.judge(want) !== 'reject';
}

/** The primary from here on, for what begins a transaction: told of when that has written. */
export function promoteUntold(session: QuerySession): void {
  const { policy } = session.cluster;
  const isTold = policy.judge(session.want) !== 'promote';
  moveToPrimary(session, isTold ? promoted(session) : policy.promoteUntold(session.want));
}

function promote(session: QuerySession): void {
  moveToPrimary(session, promoted(session));
}

function moveToPrimary(session: QuerySession, want: Want): void {
  drop(session);
  setWant(session, want);
  session.runner.mode = 'master';
}

function promoted({ cluster: { policy }, want }: QuerySession): Want {
  return policy.promote(want, policy.judge(want) !== 'promote');
}

/** Whether the session cannot be changed for another: what only begins a transaction has not begun anything. */
function isTied(session: QuerySession, sql: string): boolean {
  const { runner, cluster } = session;
  if (checkoutOf(session)?.isBound) return true;
  return runner.isTransactionActive && !cluster.engine.traitsOf(sql).onlyBegins;
}
