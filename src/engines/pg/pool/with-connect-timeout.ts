import { parseNodeUrl } from '../../../options/driver/node-address.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import { isRecord } from '../../../options/place.js';
import { withKeepAlive } from './with-keep-alive.js';

/**
 * The driver's options with a limit on connecting, where the user sets none: by default node-postgres waits without end for
 * a server that accepts and never answers. The limit is the client's own, so that poolers, which refuse unknown start-up
 * parameters, accept it.
 */
export function withConnectTimeout(driver: DriverOptions, connectTimeoutMs: number): DriverOptions {
  return withKeepAlive({
    ...driver,
    ...(!limitsConnecting(driver) && { connectTimeoutMS: connectTimeoutMs }),
  });
}

/** Whether the user has set how long connecting may take. */
export function limitsConnecting(driver: DriverOptions): boolean {
  return driver['connectTimeoutMS'] !== undefined || saysOneOf(driver, ['connectionTimeoutMillis']);
}

/**
 * How long a server that owes an answer may say nothing, in ms; `undefined`: the user has limited that by `query_timeout`.
 * The server's own `statement_timeout` does not: over a connection that the network has forgotten, it says nothing. Until
 * then, it may be at work.
 */
export function silenceLimitMs(driver: DriverOptions, queryTimeoutMs: number): number | undefined {
  if (saysOneOf(driver, ['query_timeout'])) return undefined;
  const statementMs = Number(valueOf(driver, 'statement_timeout') ?? 0);
  if (statementMs === 0) return queryTimeoutMs; // there is none
  return Number.isFinite(statementMs) ? Math.max(queryTimeoutMs, statementMs + ANSWER_MS) : undefined;
}

/** For the answer to arrive. */
const ANSWER_MS = 5_000;

function saysOneOf(driver: DriverOptions, keys: readonly string[]): boolean {
  return keys.some((key) => valueOf(driver, key) !== undefined);
}

function valueOf(driver: DriverOptions, key: string): unknown {
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  return extra[key] ?? parseNodeUrl(String(driver['url'] ?? ''))?.searchParams.get(key) ?? undefined;
}
