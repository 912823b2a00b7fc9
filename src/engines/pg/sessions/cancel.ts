import { createConnection, type Socket } from 'node:net';
import type { ReachedAddress } from '../../pool/ask-aside.js';
import { BACKEND, type PgClient } from '../internals.js';

/** The address at the other end of a connection; `undefined`: it is closed. */
export function reachedBy({ connection, host, port }: PgClient): ReachedAddress | undefined {
  const { remoteAddress, remotePort, destroyed } = connection?.stream ?? {};
  if (destroyed !== false) return undefined;
  if (remoteAddress !== undefined && remotePort !== undefined)
    return { host: remoteAddress, port: remotePort };
  return host?.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : undefined;
}

/**
 * Asks the server to end what it does for a connection that reads, and says whether it does something. The connection must not be used
 * again: the request may arrive late. It goes to the address that the connection has reached, with the key that only its
 * server, or the pooler in front of it, knows: any other ignores it. Without TLS, as clients of PostgreSQL send it: the key
 * is of no use for anything else.
 */
export function cancelRead(client: PgClient): boolean {
  const { processID, secretKey, readyForQuery } = client;
  const address = reachedBy(client);
  if (!client[BACKEND] || readyForQuery !== false || !address) return false;
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return false;
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeInt32BE(REQUEST_BYTES, 0);
  request.writeInt32BE(CANCEL_CODE, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket: Socket = createConnection(address).unref();
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => undefined); // a server that cannot be reached has ended it, or cannot be told
  socket.end(request);
  return true;
}

const REQUEST_BYTES = 16;
const CANCEL_CODE = 80_877_102;
const TIMEOUT_MS = 3_000;
