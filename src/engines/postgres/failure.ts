import type { FailureKind } from '../../engine.js';

interface DriverError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly driverError?: unknown;
  readonly errors?: readonly unknown[];
}

/** The driver's own error: TypeORM wraps it, and Node collects the failures of several addresses in one. */
function driverErrorOf(error: unknown): DriverError {
  const { driverError, errors } = (error ?? {}) as DriverError;
  if (driverError) return driverErrorOf(driverError);
  if (errors?.length) return driverErrorOf(errors[0]);
  return (error ?? {}) as DriverError;
}

const BY_CODE: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: 'connection',
  ECONNRESET: 'connection',
  EPIPE: 'connection',
  ETIMEDOUT: 'connection',
  EHOSTUNREACH: 'connection',
  EHOSTDOWN: 'connection',
  ENETUNREACH: 'connection',
  ENOTFOUND: 'connection',
  EAI_AGAIN: 'connection',
  '25006': 'read-only',
  // The server words it in its own language. On a standby it can be nothing else, and elsewhere nothing is repeated.
  '40001': 'recovery-conflict',
  '42703': 'schema-behind',
  '42P01': 'schema-behind',
  '42883': 'schema-behind',
  '57P01': 'connection',
  '57P02': 'connection',
  '57P03': 'starting',
  '57P04': 'connection',
  '53300': 'overload',
  '53400': 'overload',
  '3D000': 'misconfigured',
  '28000': 'misconfigured',
  '28P01': 'misconfigured',
  '42501': 'query',
};

// node-postgres gives these no code.
const BY_TEXT: readonly (readonly [RegExp, FailureKind])[] = [
  [/timeout exceeded when trying to connect|query_wait_timeout|sorry, too many clients/i, 'overload'],
  [/Query read timeout/i, 'timeout'],
  [
    /unsupported startup parameter|does not support SSL|no such database|password must be a string/i,
    'misconfigured',
  ],
  [
    /Connection terminated|connection error and is not queryable|timeout expired|Connection ended|Client was closed|server login has been failing|server conn crashed|Cannot use a pool after calling end/i,
    'connection',
  ],
];

const SERIALIZABLE_ON_STANDBY = /hot standby|during recovery/i;
const UNLOGGED = /temporary or unlogged relations during recovery/i;

/** Tells apart what node-postgres, its pool, PostgreSQL and PgBouncer reject with. */
export function classifyPostgresFailure(error: unknown): FailureKind {
  const { code, message } = driverErrorOf(error);
  const text = typeof message === 'string' ? message : '';
  if (code === '0A000') {
    if (UNLOGGED.test(text)) return 'unlogged';
    return SERIALIZABLE_ON_STANDBY.test(text) ? 'read-only' : 'query';
  }
  const known = typeof code === 'string' ? BY_CODE[code] : undefined;
  if (known) return known;
  for (const [pattern, kind] of BY_TEXT) {
    if (pattern.test(text)) return kind;
  }
  return typeof code === 'string' && code.startsWith('08') ? 'connection' : 'query';
}

// No such function, table or column, no right to use it, or not supported here or now.
const REFUSED = new Set(['42883', '42P01', '42703', '42501', '0A000', '55000']);

/** Whether a server cannot, or will not, tell this role what it was asked; anything else may go well the next time. */
export function refusesToTell(error: unknown): boolean {
  return REFUSED.has(String(driverErrorOf(error).code));
}

/** `INSERT`, `SELECT FOR UPDATE`, `nextval()`: as PostgreSQL names it, else the first word of the statement. */
export function refusedPostgresStatement(error: unknown, sql: string): string {
  const { message } = driverErrorOf(error);
  const named = /cannot execute (.+?) (?:in a read-only|during recovery)/i.exec(String(message))?.[1];
  // Of a WITH that writes, the server names the outer statement.
  if (named) return named === 'SELECT' ? 'A SELECT that writes' : named;
  if (/serializable/i.test(String(message))) return 'A SERIALIZABLE transaction';
  return /^[\s(]*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? 'A statement';
}
