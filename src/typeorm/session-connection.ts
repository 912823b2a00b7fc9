import type { Lease } from '../cluster/nodes/lease.js';
import type { Want } from '../cluster/routing/want.js';
import type { WaitingWork } from '../cluster/watch/primary-wait.js';
import { outsideUnits, storage } from '../context/storage.js';
import { UnavailableError } from '../errors.js';
import type { Checkout, HeldCheckout, QuerySession, SessionState } from './session-state.js';
import { cancelWhenAbandoned } from './abandoned.js';
import { SessionWrites } from './session-writes.js';

type Acquiring = Extract<SessionState, { kind: 'acquiring' }>;

/** What an attempt to get a connection is for. */
interface Attempt extends WaitingWork {
  readonly session: QuerySession;
  readonly acquiring: Acquiring;
  readonly want: Want;
  /** The one before failed as this process stood still. */
  readonly isRepeat?: boolean;
}

/**
 * Takes a connection from the node that the route says. The usual case makes one promise more than TypeORM itself: with
 * AsyncLocalStorage at work, they are dear.
 */
export function acquire(session: QuerySession): Promise<unknown> {
  const { state, want } = session;
  const checkout: Checkout = { lease: undefined, isBound: false, hasSettings: false, lastFailure: undefined };
  const acquiring: Acquiring = { kind: 'acquiring', checkout, connection: undefined };
  session.state = acquiring;
  const attempt: Attempt = { session, acquiring, want };
  const leaving = state.kind === 'none' ? state.leaving : undefined;
  return (acquiring.connection = leaving ? leaving.then(() => take(attempt)) : take(attempt));
}

function take(attempt: Attempt): Promise<unknown> {
  const { session, want } = attempt;
  const waking = session.cluster.sleep?.end();
  if (waking) return waking.then(() => take(attempt));
  try {
    const leasing = session.cluster.router.lease(want, session.failed);
    if (!(leasing instanceof Promise)) return takeFrom(leasing, attempt);
    return leasing.then(
      (lease) => takeFrom(lease, attempt),
      (error: unknown) => giveUp(error, attempt),
    );
  } catch (error) {
    return giveUp(error, attempt);
  }
}

function takeFrom(lease: Lease, attempt: Attempt): Promise<unknown> {
  const { runner, cluster } = attempt.session;
  const { connect } = cluster.engine.connector;
  const { driver } = lease.pool;
  const connecting = driver
    ? storage.run(undefined, connect, runner, driver)
    : outsideUnits(() => lease.pool.open().then((opened) => connect(runner, opened)));
  return connecting.then(
    (client) => accept(client, lease, attempt),
    (error: unknown) => moveOn(error, lease, attempt),
  );
}

function accept(client: unknown, lease: Lease, attempt: Attempt): unknown {
  const { session, acquiring } = attempt;
  const { runner, cluster } = session;
  try {
    const isReader = lease.session === 'read-only';
    const connection = isReader ? client : cluster.engine.observeWrites(client, new SessionWrites(session));
    runner.databaseConnection = connection;
    const { endpoint } = lease.node;
    const isFresh =
      (lease.restarts === endpoint.restarts || !lease.isOutdated) &&
      (endpoint.kind === 'server' || cluster.hidden.isFreshEnough(lease, connection));
    const isDrawn = cluster.verification?.draws(lease) ?? false;
    if (isFresh !== true || isDrawn)
      return prove(isDrawn ? verify(isFresh, lease, attempt) : isFresh, lease, attempt);
    hold(lease, acquiring, session);
    return connection;
  } catch (error) {
    return moveOn(error, lease, attempt);
  }
}

function hold(lease: Lease, acquiring: Acquiring, session: QuerySession): void {
  acquiring.checkout.lease = lease;
  // Dropped on its way, it leaves when it has come.
  if (session.cluster.options.routing.cancelAbandoned === true) cancelWhenAbandoned(session, lease);
  if (session.state === acquiring)
    session.state = { kind: 'held', checkout: acquiring.checkout as HeldCheckout };
}

/**
 * Whether the server behind the connection has replayed what the client's token demands. One that has not goes back
 * to its pool, and the primary reads; where the server is another than the one that was chosen, the choice is made
 * again.
 */
async function prove(isFresh: boolean | Promise<boolean>, lease: Lease, attempt: Attempt): Promise<unknown> {
  const { session, acquiring, want } = attempt;
  const { runner, cluster } = session;
  try {
    if (await isFresh) {
      hold(lease, acquiring, session);
      return runner.databaseConnection;
    }
  } catch (error) {
    cluster.engine.connector.giveBack(runner, error);
    return moveOn(error, lease, attempt);
  }
  cluster.engine.connector.giveBack(runner);
  lease.end();
  forget(session);
  const fallback = lease.required === undefined ? 'behind-start' : 'behind-token';
  return take(lease.isOutdated ? attempt : { ...attempt, want: { ...want, fallback } });
}

async function verify(
  isFresh: boolean | Promise<boolean>,
  lease: Lease,
  { session, want }: Attempt,
): Promise<boolean> {
  const { runner, cluster } = session;
  const read = { lease, connection: runner.databaseConnection, handler: want.work?.unit.handler };
  return (await isFresh) && (cluster.verification?.isKept(read) ?? true);
}

/** Another node may do better. */
function moveOn(error: unknown, lease: Lease, attempt: Attempt): Promise<unknown> {
  const { session } = attempt;
  const { failures } = session.cluster;
  lease.end();
  forget(session);
  const mayMoveOn = failures.mayMoveOn(lease, error);
  if (lease.node.observer.stoodStill && !attempt.isRepeat) return take({ ...attempt, isRepeat: true });
  if (!mayMoveOn) return giveUp(failures.explainConnect(lease, error), attempt);
  exclude(lease, session);
  return take(attempt);
}

/** Nothing has been sent yet, so that it may wait for a primary. */
async function giveUp(error: unknown, attempt: Attempt): Promise<unknown> {
  const { session, acquiring, want } = attempt;
  const { primaryWait } = session.cluster;
  const isBack = primaryWait.mayHelp(error) && (await primaryWait.until(attempt));
  if (isBack && session.state === acquiring) {
    session.failed = undefined;
    return take(attempt);
  }
  if (session.state === acquiring) session.state = { kind: 'none' };
  noteUnavailable(want, error);
  throw error;
}

/** Tells the unit whose query it was, which may answer for it over HTTP. */
export function noteUnavailable({ scope }: Want, error: unknown): void {
  if (error instanceof UnavailableError) scope?.unit.noteUnavailable(error);
}

/** Asks this node no more. */
export function exclude({ node, session: kind }: Lease, session: QuerySession): void {
  if (kind === 'read-only') (session.failed ??= new Set()).add(node.name);
}

/** Gives the connection back, or has it destroyed, so that the next query takes another. */
export function drop(session: QuerySession): void {
  const { state } = session;
  if (state.kind === 'acquiring') {
    const { checkout, connection } = state;
    const leaving = connection?.then(
      () => leave(session, checkout, whyChanged(session, checkout)),
      () => undefined,
    );
    session.state = { kind: 'none', leaving };
  } else if (state.kind === 'held' || state.kind === 'broken') {
    const why = whyUnusable(session);
    session.state = { kind: 'none' };
    leave(session, state.checkout, why);
  }
}

function leave(session: QuerySession, { lease }: Checkout, why: unknown): void {
  session.cluster.engine.connector.giveBack(session.runner, why);
  lease?.end();
  forget(session);
}

/** Why the connection is not for others, if so. */
export function whyUnusable(session: QuerySession): unknown {
  const { state } = session;
  const why = state.kind === 'broken' || state.kind === 'ended' ? state.why : undefined;
  if (why || state.kind === 'none' || !state.checkout) return why;
  return whyChanged(session, state.checkout);
}

/** A pool would hand a session that ends to somebody else, until it hears of that. */
function whyChanged({ runner, cluster }: QuerySession, { hasSettings, lastFailure }: Checkout): unknown {
  if (hasSettings) return new Error('The session was changed.');
  const { databaseConnection } = runner;
  if (!lastFailure || !databaseConnection) return undefined;
  return cluster.engine.mayBeEnding(databaseConnection) ? lastFailure : undefined;
}

function forget({ runner }: QuerySession): void {
  runner.isReleased = false;
  runner.databaseConnection = undefined;
}
