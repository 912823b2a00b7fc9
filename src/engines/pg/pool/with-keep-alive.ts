import type { DriverOptions } from '../../../options/resolved-options.js';
import { isRecord } from '../../../options/place.js';

/** Idle connections learn of a vanished server after that long at the earliest. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/** The driver's options with keep-alive on its sockets, where the user does not say otherwise: node-postgres has none. */
export function withKeepAlive(driver: DriverOptions): DriverOptions {
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  return Object.freeze({
    ...driver,
    extra: Object.freeze({
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      ...extra,
    }),
  });
}
