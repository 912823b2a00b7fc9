import type { DriverOptions } from '../../../options/resolved-options.js';
import { activeQueryOf, type PgClient, type PgStream } from '../internals.js';
import { cancelRead } from './cancel.js';
import { withVerify } from './with-verify.js';

/** When a silent connection is looked after, and how. */
export interface SilenceTerms {
  /** How long its server, asked for something, may say nothing. */
  readonly limitMs: number;
  /** Asks by another connection whether the server is at work for this one. */
  readonly isAtWork: (client: PgClient) => Promise<boolean>;
}

/**
 * Options with which a connection is looked after when its server, asked for something, says nothing for so long, or up to
 * a quarter longer: one whose server is at work goes on, and is looked after again; any other is given up, on its server
 * as well. node-postgres' own `query_timeout` starts and stops a timer with every query, and a timeout of the socket is
 * moved with everything that is sent or heard: quick reads notice both. `query_timeout` also ends streams that are only
 * long.
 */
export function limitSilence(options: DriverOptions, terms: SilenceTerms): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    const stream = client.connection?.stream;
    if (stream) watch(client, stream, terms);
    done();
  });
}

function watch(client: PgClient, stream: PgStream, { limitMs, isAtWork }: SilenceTerms): void {
  let traffic = 0;
  let silentLooks = 0;
  let isAsking = false;
  const heard = (): number => stream.bytesRead + stream.bytesWritten;
  const lookAfter = async (): Promise<void> => {
    isAsking = true;
    const atWork = await isAtWork(client);
    isAsking = false;
    silentLooks = 0;
    if (atWork || heard() !== traffic || !waitsForServer(client)) return;
    cancelRead(client);
    stream.destroy(new SilenceError(limitMs));
  };
  const timer = setInterval(() => {
    const known = traffic;
    traffic = heard();
    silentLooks = traffic === known ? silentLooks + 1 : 0;
    if (silentLooks >= LOOKS && !isAsking && waitsForServer(client)) void lookAfter();
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
