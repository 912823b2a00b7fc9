import { parseNodeUrl } from './node-address.js';
import type { DriverOptions, ResolvedMonitor } from './resolved-options.js';
import { isRecord } from './section.js';
import { withKeepAlive } from './with-keep-alive.js';

type Timeouts = Pick<ResolvedMonitor, 'connectTimeoutMs' | 'queryTimeoutMs'>;

/**
 * The driver's options with a limit on connecting and on queries, where the user sets none: by default
 * node-postgres waits for ever for a server that accepts and never answers. These limits are the client's own, so
 * that poolers, which refuse unknown start-up parameters, accept them.
 */
export function withReplicaTimeouts(driver: DriverOptions, monitor: Timeouts): DriverOptions {
  if (driver['type'] !== 'postgres') return driver;
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  const limitsQueries = saysOneOf(driver, ['query_timeout', 'statement_timeout']);
  return withKeepAlive({
    ...driver,
    ...(!limitsConnecting(driver) && { connectTimeoutMS: monitor.connectTimeoutMs }),
    extra: { ...(!limitsQueries && { query_timeout: monitor.queryTimeoutMs }), ...extra },
  });
}

/** Whether the user has set how long connecting may take. */
export function limitsConnecting(driver: DriverOptions): boolean {
  return driver['connectTimeoutMS'] !== undefined || saysOneOf(driver, ['connectionTimeoutMillis']);
}

function saysOneOf(driver: DriverOptions, keys: readonly string[]): boolean {
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  const url = parseNodeUrl(String(driver['url'] ?? ''));
  return keys.some((key) => extra[key] !== undefined || url?.searchParams.has(key) === true);
}
