import { parseNodeUrl } from './node-address.js';
import type { DriverOptions, ResolvedMonitor } from './resolved-options.js';
import { isRecord } from './section.js';

/** Idle connections learn of a vanished server after that long at the earliest. */
const KEEP_ALIVE_DELAY_MS = 10_000;

type Timeouts = Pick<ResolvedMonitor, 'connectTimeoutMs' | 'queryTimeoutMs'>;

/**
 * The driver's options with a limit on connecting and on queries, where the user sets none: by default
 * node-postgres waits for ever for a server that accepts and never answers. These limits are the client's own, so
 * that poolers, which refuse unknown start-up parameters, accept them.
 */
export function withReplicaTimeouts(driver: DriverOptions, monitor: Timeouts): DriverOptions {
  if (driver['type'] !== 'postgres') return driver;
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  const url = parseNodeUrl(String(driver['url'] ?? ''));
  const says = (key: string) => extra[key] !== undefined || url?.searchParams.has(key) === true;
  const limitsConnecting = driver['connectTimeoutMS'] !== undefined || says('connectionTimeoutMillis');
  const limitsQueries = says('query_timeout') || says('statement_timeout');
  return Object.freeze({
    ...driver,
    ...(!limitsConnecting && { connectTimeoutMS: monitor.connectTimeoutMs }),
    extra: Object.freeze({
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      ...(!limitsQueries && { query_timeout: monitor.queryTimeoutMs }),
      ...extra,
    }),
  });
}
