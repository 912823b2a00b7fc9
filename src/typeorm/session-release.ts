import type { Lease } from '../cluster/nodes/lease.js';
import { storage } from '../context/storage.js';
import { whyUnusable } from './session-connection.js';
import {
  breakOff,
  losesConnection,
  OVER,
  SESSION,
  type Checkout,
  type QuerySession,
  type RoutedRunner,
} from './session-state.js';
import { SessionWrites } from './session-writes.js';

/** `release` of a query runner: the next one gets the connection as this one got it, or does not get it. */
export function release(this: RoutedRunner): Promise<void> {
  const session = this[SESSION];
  const { state, want, cluster } = session;
  if (state.kind === 'ended') return Promise.resolve();
  if (state.kind === 'none' && !state.leaving) return giveBack(session);
  if (state.kind !== 'held') return releaseAfter(session);
  const { checkout } = state;
  const isSimple =
    !checkout.hasSettings &&
    !checkout.lastFailure &&
    !isInTransaction(session, checkout) &&
    (session.isReading || !cluster.engine.openQuestion(this.databaseConnection)) &&
    !(cluster.reads.isAwake && cluster.reads.wantsPosition(want.scope, checkout.lease.node));
  return isSimple ? giveBack(session) : releaseAfter(session);
}

async function releaseAfter(session: QuerySession): Promise<void> {
  const { state } = session;
  // One that is on its way would never come back.
  if (state.kind === 'acquiring') await state.connection?.catch(() => undefined);
  else if (state.kind === 'none') await state.leaving?.catch(() => undefined);
  const { state: last, want, cluster } = session;
  if (last.kind === 'ended') return;
  if (last.kind === 'held' || last.kind === 'broken') {
    const { checkout } = last;
    session.state = { kind: 'ended', checkout, why: last.kind === 'broken' ? last.why : undefined };
    if (last.kind === 'held' && isInTransaction(session, checkout)) await rollBack(session);
    if (isSound(session) && checkout.lease.session === 'writable')
      await cluster.engine.openQuestion(session.runner.databaseConnection)?.();
    if (isSound(session) && cluster.reads.wantsPosition(want.scope, checkout.lease.node))
      await noteReads(session, checkout.lease);
  }
  await giveBack(session);
  if (session.hasOpenTransaction) new SessionWrites(session).transaction(false);
}

/** Whether its server is inside a transaction, whatever has begun it; what its driver does not tell is assumed. */
function isInTransaction({ runner, cluster }: QuerySession, { isBound }: Checkout): boolean {
  const isInside = cluster.engine.isInTransaction(runner.databaseConnection);
  return isInside ?? (isBound || runner.isTransactionActive);
}

function isSound({ state, runner }: QuerySession): boolean {
  return state.kind === 'ended' && !state.why && !runner.isReleased;
}

/** Ends whatever transaction the connection is in, before others get it. */
async function rollBack(session: QuerySession): Promise<void> {
  if (!isSound(session)) return;
  try {
    await session.cluster.engine.rollBack(session.runner.databaseConnection);
  } catch (error) {
    breakOff(session, error);
  }
}

/** What a client has read here it must not see older elsewhere; the connection is asked before others get it. */
async function noteReads(session: QuerySession, lease: Lease): Promise<void> {
  const { runner, cluster, want } = session;
  try {
    const position = await cluster.engine.readPosition(runner.databaseConnection);
    if (want.scope && position !== undefined) await cluster.reads.note(want.scope, lease.node, position);
  } catch (error) {
    // The read itself has succeeded. Of its place in the log nothing is known: the node is asked whether it is well.
    if (losesConnection(cluster.failures.report(lease, error))) breakOff(session, error);
  }
}

function giveBack(session: QuerySession): Promise<void> {
  const { state, runner, base, cluster } = session;
  const lease = state.kind === 'none' ? undefined : state.checkout?.lease;
  const isUsed = state.kind !== 'held' || state.checkout.hasSettings || state.checkout.lastFailure;
  const why = isUsed ? whyUnusable(session) : undefined;
  session.state = { kind: 'ended', checkout: undefined };
  const given = why
    ? storage.run(undefined, cluster.engine.connector.giveBack, runner, why)
    : storage.run(undefined, Reflect.apply, base.release, runner, []);
  lease?.end();
  if (lease?.session === 'read-only') session.want = OVER;
  return given ?? Promise.resolve();
}
