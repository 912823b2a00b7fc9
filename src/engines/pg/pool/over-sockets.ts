import { Socket } from 'node:net';
import type { DriverOptions } from '../../../options/resolved-options.js';
import type { ReachedAddress } from '../../pool/ask-aside.js';
import type { Sockets } from '../../pool/sockets.js';
import { withVerify } from '../sessions/with-verify.js';
import type { PgClient } from '../internals.js';
import { prepareClient } from './connections.js';

/** The hook of node-postgres with which somebody else makes the socket of a new connection. */
type StreamFactory = (config: unknown) => Socket;

/**
 * Options with connections over sockets of a set, each prepared for its pool. A stream of the user's own stays in use.
 * `reached`, or the `address` in the options: they go there, whatever the name in the options leads to.
 */
export function overSockets(
  options: DriverOptions,
  sockets: Sockets,
  reached?: ReachedAddress,
): DriverOptions {
  const prepared = withVerify<PgClient>(options, (client, done) => {
    prepareClient(client);
    done();
  });
  const extra = prepared['extra'] as { readonly stream?: unknown };
  const own = extra.stream;
  if (own !== undefined && typeof own !== 'function') return prepared;
  const stream: StreamFactory = (config) =>
    sockets.add(own ? (own as StreamFactory)(config) : socketTo(reached ?? (options['address'] as string)));
  return { ...prepared, extra: { ...extra, stream } };
}

function socketTo(reached: ReachedAddress | string | undefined): Socket {
  const socket = new Socket();
  if (!reached) return socket;
  const connect = socket.connect.bind(socket) as (address: ReachedAddress) => Socket;
  return Object.assign(socket, {
    connect: (port: number) => connect(typeof reached === 'string' ? { host: reached, port } : reached),
  });
}
