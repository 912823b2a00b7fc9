import type { FailureKind } from '../../engine.js';
import { driverErrorOf, type DriverError } from '../pool/driver-error.js';

interface PgError extends DriverError {
  readonly severity?: unknown;
  readonly routine?: unknown;
}

/** The words of the server, or of the driver. */
export function messageOfDriver(error: unknown): string {
  const { message } = driverErrorOf<PgError>(error);
  return typeof message === 'string' ? message : '';
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
  '25P03': 'session-ended',
  // The server's limit of a transaction, and so of a query, that takes too long.
  '25P04': 'timeout',
  // The server words it in its own language. On a standby it can be nothing else, and elsewhere nothing is repeated.
  '40001': 'recovery-conflict',
  '42703': 'schema-behind',
  '42P01': 'schema-behind',
  '42883': 'schema-behind',
  '57P01': 'connection',
  '57P02': 'connection',
  '57P03': 'starting',
  '57P04': 'connection',
  '57P05': 'session-ended',
  '53300': 'overload',
  '53400': 'overload',
  '3D000': 'misconfigured',
  '28000': 'misconfigured',
  '28P01': 'misconfigured',
  '42501': 'query',
  ERR_REPLICATED_SESSION_SET_UP: 'misconfigured',
};

// What node-postgres gives no code, and poolers a code that says little.
const BY_TEXT: readonly (readonly [RegExp, FailureKind])[] = [
  // Their limits: of clients in all, per database and per user, and of the time that one may wait for a server.
  [/timeout exceeded when trying to connect/i, 'overload'], // pg-pool
  [/too many (?:active )?(?:clients|connections)|connection slots are reserved/i, 'overload'], // PostgreSQL, pgpool-II, Odyssey
  [
    /no more connections allowed|client connections exceeded|query_wait_timeout|bouncer resources exhaustion/i,
    'overload', // PgBouncer
  ],
  [
    /max (?:client connections|proxy connections|clients|pools count) reached|unable to check ?out .+ from the pool/i,
    'overload', // Supavisor
  ],
  [
    /waiting to acquire database connection|connections? to (?:the )?proxy exceeded|too many competing requests/i,
    'overload', // RDS Proxy
  ],
  [/AllServersDown/, 'connection'], // pgcat
  [/could not get connection from the pool|checkout timeout/i, 'overload'], // pgcat, PgDog, Supavisor
  [/too many database connection attempts/i, 'overload'], // Neon
  // PgBouncer and pgcat: limits of a session and of a query, not of the server.
  [/client_idle_timeout|idle transaction timeout/i, 'session-ended'],
  [/Query read timeout|query[ _]timeout|transaction timeout|pool statement timeout/i, 'timeout'],
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

/** With a digit, unlike EPIPE. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Whether it is the code of an error of the server, not of the network. */
export function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && SQLSTATE.test(code);
}

/** What poolers answer with. The text of any other SQLSTATE is the database's, or of the application's own functions. */
const POOLERS_SQLSTATE = /^(?:08|53|58|XX)/;

/** Tells apart what node-postgres, its pool, PostgreSQL and poolers reject with. */
export function classifyPgFailure(error: unknown): FailureKind {
  const failure = driverErrorOf<PgError>(error);
  const code = typeof failure.code === 'string' ? failure.code : '';
  const text = messageOfDriver(failure);
  if (code === '0A000') {
    if (UNLOGGED.test(text)) return 'unlogged';
    return SERIALIZABLE_ON_STANDBY.test(text) ? 'read-only' : 'query';
  }
  const hasEnded = endsSession(failure);
  if (hasEnded && code === '40001') return 'session-ended';
  // PostgreSQL itself names the routine.
  const isOwn = failure.routine !== undefined;
  if (isOwn && !hasEnded && OF_QUERY_AS_ERROR.test(code)) return 'query';
  const kind = BY_CODE[code] ?? byText(code, text);
  if (kind) return kind;
  if (code.startsWith('08') && !isOwn) return 'connection';
  return hasEnded ? 'session-ended' : 'query';
}

/** Of a foreign server that a query asks, of another database that it names, and of the temporary files that it may use. */
const OF_QUERY_AS_ERROR = /^(?:08...|3D000|53400)$/;

function byText(code: string, text: string): FailureKind | undefined {
  if (isSqlState(code) && !POOLERS_SQLSTATE.test(code)) return undefined;
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];
}

/** In the words of PostgreSQL's translations: node-postgres passes on the severity in the server's language only. */
const FATAL =
  /FATAL|PANI[CK]|PÂNICO|KATASTROFALNY|ВАЖНО|ПАНИКА|ФАТАЛЬНО|ПАНІКА|致命|치명적|손상|ფატალური|პანიკა/;

/** Whether the server has ended the session with this error. */
export function endsSession(error: unknown): boolean {
  const { severity } = driverErrorOf<PgError>(error);
  return typeof severity === 'string' && FATAL.test(severity);
}

// No such function, table or column, no right to use it, or not supported here or now.
const REFUSED = new Set(['42883', '42P01', '42703', '42501', '0A000', '55000']);

/** Whether a server cannot, or will not, tell this role what it was asked; anything else may go well the next time. */
export function refusesToTell(error: unknown): boolean {
  return REFUSED.has(String(driverErrorOf<PgError>(error).code));
}

/** `INSERT`, `SELECT FOR UPDATE`, `nextval()`: as PostgreSQL names it, else the first word of the statement. */
export function refusedPgStatement(error: unknown, sql: string): string {
  const { message } = driverErrorOf<PgError>(error);
  const named = /cannot execute (.+?) (?:in a read-only|during recovery)/i.exec(String(message))?.[1];
  // Of a WITH that writes, the server names the outer statement.
  if (named) return named === 'SELECT' ? 'A SELECT that writes' : named;
  if (/serializable/i.test(String(message))) return 'A SERIALIZABLE transaction';
  return /^[\s(]*([a-z]+)/i.exec(sql)?.[1]?.toUpperCase() ?? 'A statement';
}
