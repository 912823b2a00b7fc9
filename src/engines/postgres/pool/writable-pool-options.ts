import type { Engine, PrimaryTerms } from '../../../engine.js';
import type { DriverOptions, ResolvedMonitor } from '../../../options/resolved-options.js';
import { withKeepAlive } from '../../../options/driver/with-keep-alive.js';
import { limitsConnecting } from '../../../options/driver/with-connect-timeout.js';
import { Sockets } from './sockets.js';

/** What sessions of a primary depend on. */
export interface PrimarySessionTerms extends Pick<PrimaryTerms, 'newestHistory'> {
  readonly engine: Engine;
  readonly sockets: Sockets;
}

/**
 * Options for writable sessions of a primary: one proves its role when it is opened, notices a vanished server by itself,
 * and is given up when the server says nothing. Neither waiting for a free connection nor a statement is limited, as in
 * plain TypeORM: a write that takes long is no failure.
 */
export function primarySession(
  driver: DriverOptions,
  { engine, newestHistory, sockets }: PrimarySessionTerms,
): DriverOptions {
  return sockets.within(withKeepAlive(engine.primarySession(driver, { newestHistory })));
}

/** For the connections of such sessions. */
export function socketsOfPrimary(
  driver: DriverOptions,
  { connectTimeoutMs }: Pick<ResolvedMonitor, 'connectTimeoutMs'>,
): Sockets {
  return new Sockets(limitsConnecting(driver) ? undefined : connectTimeoutMs);
}
