import type { DriverOptions } from '../../../options/resolved-options.js';
import { activeQueryOf, type PgClient, type PgStream } from '../internals.js';
import { withVerify } from './with-verify.js';

/**
 * Options with which a connection is given up when its server, asked for something, says nothing for so long, or up to
 * a quarter longer. node-postgres' own `query_timeout` starts and stops a timer with every query, and a timeout of the
 * socket is moved with everything that is sent or heard: quick reads notice both. `query_timeout` also ends streams that
 * are only long.
 */
export function limitSilence(options: DriverOptions, limitMs: number): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    const stream = client.connection?.stream;
    if (stream) watch(client, stream, limitMs);
    done();
  });
}

function watch(client: PgClient, stream: PgStream, limitMs: number): void {
  let traffic = 0;
  let silentLooks = 0;
  const timer = setInterval(() => {
    const known = traffic;
    traffic = stream.bytesRead + stream.bytesWritten;
    silentLooks = traffic === known ? silentLooks + 1 : 0;
    if (silentLooks >= LOOKS && waitsForServer(client)) stream.destroy(new SilenceError(limitMs));
  }, limitMs / LOOKS).unref();
  stream.once('close', () => clearInterval(timer));
}

/** How often it is looked per limit. */
const LOOKS = 4;

/** A cursor whose reader takes its time holds the connection, and the server owes it nothing. */
function waitsForServer(client: PgClient): boolean {
  const active = activeQueryOf(client);
  return client.readyForQuery === false && (active?.cursor ?? active)?.state !== 'idle';
}

/** In the words of node-postgres, whose callers know them. */
class SilenceError extends Error {
  constructor(limitMs: number) {
    super(`Query read timeout: the server has said nothing for ${limitMs} ms.`);
  }
}
