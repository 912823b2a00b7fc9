import { parseNodeUrl } from './node-address.js';
import type { DriverOptions } from './resolved-options.js';
import { isRecord } from './section.js';
import { withKeepAlive } from './with-keep-alive.js';

/**
 * The driver's options with a limit on connecting, where the user sets none: by default node-postgres waits for ever for
 * a server that accepts and never answers. The limit is the client's own, so that poolers, which refuse unknown start-up
 * parameters, accept it.
 */
export function withConnectTimeout(driver: DriverOptions, connectTimeoutMs: number): DriverOptions {
  if (driver['type'] !== 'postgres') return driver;
  return withKeepAlive({
    ...driver,
    ...(!limitsConnecting(driver) && { connectTimeoutMS: connectTimeoutMs }),
  });
}

/** Whether the user has set how long connecting may take. */
export function limitsConnecting(driver: DriverOptions): boolean {
  return driver['connectTimeoutMS'] !== undefined || saysOneOf(driver, ['connectionTimeoutMillis']);
}

/** Whether the user has set how long a query may take. */
export function limitsQueries(driver: DriverOptions): boolean {
  return saysOneOf(driver, ['query_timeout', 'statement_timeout']);
}

function saysOneOf(driver: DriverOptions, keys: readonly string[]): boolean {
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  const url = parseNodeUrl(String(driver['url'] ?? ''));
  return keys.some((key) => extra[key] !== undefined || url?.searchParams.has(key) === true);
}
