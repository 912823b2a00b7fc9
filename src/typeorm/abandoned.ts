import type { Lease } from '../cluster/nodes/lease.js';
import type { RepeatableStream } from './repeatable-stream.js';
import { breakOff, type QuerySession } from './session-state.js';

/** Ends a stream of rows once its reader takes none any more after the client of its request has gone away. */
export function endWhenAbandoned(rows: RepeatableStream, session: QuerySession): void {
  const forget = requestOf(session)?.onGone?.(() => {
    let taken = rows.rowsTaken;
    let idleLooks = 0;
    const timer = setInterval(() => {
      const hasNoReader = rows.rowsTaken === taken && rows.readableLength > 0;
      idleLooks = hasNoReader ? idleLooks + 1 : 0;
      taken = rows.rowsTaken;
      // Without an error, which many a pipe has no listener for.
      if (idleLooks >= LOOKS) rows.destroy();
    }, ABANDONED_MS / LOOKS).unref();
    rows.once('close', () => clearInterval(timer));
  });
  if (forget) rows.once('close', forget);
}

/** How long a stream is left alone whose reader may only be slow. */
const ABANDONED_MS = 2_000;
const LOOKS = 4;

/** Cancels what runs on a replica when the client of its request goes away. */
export function cancelWhenAbandoned(session: QuerySession, lease: Lease): void {
  if (lease.route.role !== 'replica') return;
  const { runner, cluster } = session;
  const forget = requestOf(session)?.onGone?.(() => {
    if (cluster.engine.connector.cancel(runner)) breakOff(session, new AbandonedError());
  });
  if (forget) lease.onEnd(forget);
}

function requestOf({ want }: QuerySession) {
  return want.scope?.unit.request;
}

class AbandonedError extends Error {
  constructor() {
    super('The client of the request has gone away, and its query was cancelled.');
  }
}
