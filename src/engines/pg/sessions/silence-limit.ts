import type { DriverOptions } from '../../../options/resolved-options.js';
import { watchSilence } from '../../pool/watch-silence.js';
import { activeQueryOf, type PgClient } from '../internals.js';
import { cancelRead } from './cancel.js';
import { withVerify } from './with-verify.js';

/** When a silent connection is looked after, and how. */
export interface SilenceTerms {
  /** How long its server, asked for something, may say nothing. */
  readonly limitMs: number;
  /** Asks by another connection whether the server is at work for this one; absent: it cannot be asked. */
  readonly isAtWork?: (client: PgClient) => Promise<boolean>;
}

/** Options with which silent connections are looked after. `query_timeout` also ends streams that are only long. */
export function limitSilence(options: DriverOptions, { limitMs, isAtWork }: SilenceTerms): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    const stream = client.connection?.stream;
    const connection = {
      waitsForServer: () => waitsForServer(client),
      ...(isAtWork && { isAtWork: () => isAtWork(client) }),
      cancel: () => cancelRead(client),
    };
    if (stream) watchSilence({ ...connection, stream }, limitMs, () => new SilenceError(limitMs));
    done();
  });
}

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
