import type { DriverOptions } from '../../../options/resolved-options.js';

type Extra = Readonly<Record<string, unknown>>;

function extraOf(options: DriverOptions): Extra {
  return (options['extra'] ?? {}) as Extra;
}

/** In the order of TypeORM: `extra` wins. */
export function poolSizeOf(options: DriverOptions): number {
  const { connectionLimit } = extraOf(options);
  return Number(connectionLimit ?? options['poolSize'] ?? DEFAULT_SIZE);
}

/** Of mysql2. */
const DEFAULT_SIZE = 10;

export function sized(options: DriverOptions, connectionLimit: number): DriverOptions {
  return { ...options, extra: { ...extraOf(options), connectionLimit } };
}

/** How long connecting may take, where the user sets no limit: mysql2's own is 10 s. */
export function withConnectTimeout(options: DriverOptions, connectTimeout: number): DriverOptions {
  return limitsConnecting(options) ? options : { ...options, connectTimeout };
}

/** Whether the user has set how long connecting may take. */
export function limitsConnecting(options: DriverOptions): boolean {
  return (extraOf(options)['connectTimeout'] ?? options['connectTimeout']) !== undefined;
}

/** Of a connection for one's own questions: one, and silent. */
export function ofProber(options: DriverOptions, limitMs: number): DriverOptions {
  return {
    ...options,
    poolSize: 1,
    logging: false,
    logger: undefined, // the application's own hears of everything, whatever `logging` says
    maxQueryExecutionTime: undefined,
    extra: { ...extraOf(options), connectionLimit: 1, connectTimeout: limitMs },
  };
}
