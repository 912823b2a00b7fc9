import type { MysqlConnection } from '../connection.js';
import type { SetUp } from '../sessions/set-up.js';

/** How often it is looked per limit. */
const LOOKS = 4;

/**
 * Gives a connection up when its server, asked for something, says nothing for so long, or up to a quarter longer. mysql2's
 * own `timeout` leaves the statement running, and the next one waiting for it.
 */
export function limitSilence(limitMs: number): SetUp {
  return (connection) => {
    watch(connection, limitMs);
    return Promise.resolve();
  };
}

function watch(connection: MysqlConnection, limitMs: number): void {
  const { stream } = connection;
  let traffic = 0;
  let silentLooks = 0;
  const heard = (): number => stream.bytesRead + stream.bytesWritten;
  const giveUp = (): void => {
    if (heard() === traffic) stream.destroy(new SilenceError(limitMs));
  };
  const timer = setInterval(() => {
    const known = traffic;
    traffic = heard();
    silentLooks = traffic === known ? silentLooks + 1 : 0;
    // A stream whose reader takes its time is paused, and the server owes it nothing.
    const isOwed = Boolean(connection._command) && !connection._paused;
    // Later, since in a process that stood still an answer may be lying there, unread.
    if (silentLooks >= LOOKS && isOwed) setTimeout(giveUp, READ_MS).unref();
  }, limitMs / LOOKS).unref();
  stream.once('close', () => clearInterval(timer));
}

/** For the event loop to read what has arrived. */
const READ_MS = 10;

class SilenceError extends Error {
  readonly code = 'PROTOCOL_SILENCE';
  constructor(limitMs: number) {
    super(`The server has said nothing for ${limitMs} ms.`);
  }
}
