import { Socket } from 'node:net';
import type { DriverOptions } from '../../../options/resolved-options.js';
import type { ReachedAddress } from '../../pool/ask-aside.js';
import type { Sockets } from '../../pool/sockets.js';

/** What mysql2 knows of the connection whose socket it asks for. */
interface SocketTerms {
  readonly config: {
    readonly host?: string;
    readonly port?: number;
    readonly socketPath?: string;
    readonly enableKeepAlive?: boolean;
    readonly keepAliveInitialDelay?: number;
  };
}

type SocketFactory = (terms: SocketTerms) => Socket;

/**
 * Options with connections over sockets of a set. A factory of the user's own stays in use. `reached`: they go there, whatever
 * the name in the options leads to.
 */
export function overSockets(
  options: DriverOptions,
  sockets: Sockets,
  reached?: ReachedAddress,
): DriverOptions {
  const extra = (options['extra'] ?? {}) as { readonly stream?: unknown };
  const { stream: own } = extra;
  const address = options['address'] as string | undefined;
  if (own !== undefined && typeof own !== 'function') return options;
  const stream: SocketFactory = own
    ? (terms) => sockets.add((own as SocketFactory)(terms))
    : ({ config }) =>
        dial(sockets.add(new Socket()), {
          ...config,
          ...(address && { host: address }),
          ...asConfig(reached),
        });
  return { ...options, extra: { ...extra, stream } };
}

function asConfig(reached: ReachedAddress | undefined): Partial<SocketTerms['config']> {
  return reached && 'path' in reached ? { socketPath: reached.path } : (reached ?? {});
}

/** As mysql2 does it itself. */
function dial(socket: Socket, config: SocketTerms['config']): Socket {
  if (config.socketPath) return socket.connect(config.socketPath);
  if (config.enableKeepAlive)
    socket.once('connect', () => socket.setKeepAlive(true, config.keepAliveInitialDelay));
  return socket.setNoDelay(true).connect(Number(config.port), config.host ?? 'localhost');
}
