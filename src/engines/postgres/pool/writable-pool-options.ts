import type { Engine, PrimaryTerms } from '../../../engine.js';
import type { DriverOptions, ResolvedMonitor } from '../../../options/resolved-options.js';
import { withKeepAlive } from '../../../options/driver/with-keep-alive.js';
import { limitsConnecting } from '../../../options/driver/with-connect-timeout.js';
import { Sockets } from './sockets.js';

/** What sessions of a primary depend on. */
export interface PrimarySessionTerms extends Pick<PrimaryTerms, 'newestHistory'> {
  readonly engine: Engine;
  readonly monitor: ResolvedMonitor;
}

/**
 * A writable session of a primary: proves its role when it is opened, notices a vanished server by itself, and is
 * given up when the server says nothing. Neither waiting for a free connection nor a statement is limited, as in plain
 * TypeORM: a write that takes long is no failure.
 */
export function primarySession(
  driver: DriverOptions,
  { engine, monitor, newestHistory }: PrimarySessionTerms,
): { readonly options: DriverOptions; readonly sockets: Sockets } {
  const sockets = new Sockets(limitsConnecting(driver) ? undefined : monitor.connectTimeoutMs);
  return {
    options: sockets.within(withKeepAlive(engine.primarySession(driver, { newestHistory }))),
    sockets,
  };
}
