import type { DriverOptions } from '../options/resolved-options.js';

interface NewClient {
  /** `false` from the moment that something is sent until the server has answered it in full. */
  readonly readyForQuery?: boolean;
  readonly connection?: {
    readonly stream?: {
      setTimeout(limitMs: number, listener: () => void): void;
      destroy(error: Error): void;
    };
  };
  readonly _activeQuery?: ActiveQuery | null;
  /** Its name in older versions of node-postgres. */
  readonly activeQuery?: ActiveQuery | null;
}
interface Cursor {
  readonly state?: string;
}
type ActiveQuery = Cursor & { readonly cursor?: Cursor };
type Done = (error?: Error | null) => void;
type Verify = (client: NewClient, done: Done) => void;

/**
 * Options with which a connection is given up when its server, asked for something, says nothing for so long.
 * node-postgres' own `query_timeout` starts and stops a timer with every query, which a quick read notices, and ends
 * streams that are only long.
 */
export function limitSilence(options: DriverOptions, limitMs: number): DriverOptions {
  const extra = (options['extra'] ?? {}) as { verify?: Verify };
  const own = extra.verify;
  const verify: Verify = (client, done) => {
    const stream = client.connection?.stream;
    stream?.setTimeout(limitMs, () => {
      if (waitsForServer(client)) stream.destroy(new SilenceError(limitMs));
    });
    return own ? own(client, done) : done();
  };
  return { ...options, extra: { ...extra, verify } };
}

/** A cursor whose reader takes its time holds the connection, and the server owes it nothing. */
function waitsForServer(client: NewClient): boolean {
  const active = '_activeQuery' in client ? client._activeQuery : client.activeQuery;
  return client.readyForQuery === false && (active?.cursor ?? active)?.state !== 'idle';
}

/** In the words of node-postgres, whose callers know them. */
class SilenceError extends Error {
  constructor(limitMs: number) {
    super(`Query read timeout: the server has said nothing for ${limitMs} ms.`);
  }
}
