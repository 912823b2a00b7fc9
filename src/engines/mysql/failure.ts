import type { FailureKind } from '../../engine.js';
import { driverErrorOf, type DriverError } from '../pool/driver-error.js';

interface MysqlError extends DriverError {
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  /** Of a query that the server has refused. */
  readonly sql?: unknown;
}

/** By the server's number: for some, mysql2 knows no name. */
const BY_ERRNO: Readonly<Record<number, FailureKind>> = {
  1792: 'read-only', // a READ ONLY transaction
  1836: 'read-only', // a server in read-only mode
  1040: 'overload', // too many connections
  1041: 'overload', // out of memory
  1135: 'overload', // no thread can be created
  1203: 'overload', // too many connections of one user
  1226: 'overload', // one of a user's limits
  1045: 'misconfigured', // password
  1129: 'misconfigured', // host blocked
  1130: 'misconfigured', // host not allowed
  1251: 'misconfigured', // authentication unknown to the client
  1698: 'misconfigured', // authentication by the operating system
  1047: 'starting', // a node of Galera that is not ready
  1053: 'connection', // shutdown
  1079: 'connection', // the same, in older words
  1152: 'connection', // aborted
  1927: 'connection', // killed
  1158: 'session-ended', // the server has waited too long for a packet
  1159: 'session-ended',
  1160: 'session-ended',
  1161: 'session-ended',
  4031: 'session-ended', // MySQL: idle for too long
  1054: 'schema-behind',
  1109: 'schema-behind',
  1146: 'schema-behind',
  1305: 'schema-behind',
};

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
  ENOENT: 'connection', // a socket's file
  PROTOCOL_CONNECTION_LOST: 'connection',
  PROTOCOL_SEQUENCE_TIMEOUT: 'timeout',
  PROTOCOL_SILENCE: 'timeout',
  POOL_WAIT_TIMEOUT: 'overload',
  ERR_REPLICATED_SESSION_SET_UP: 'misconfigured',
  HANDSHAKE_NO_SSL_SUPPORT: 'misconfigured',
  HANDSHAKE_SSL_ERROR: 'misconfigured',
};

/** What mysql2 gives no code, and proxies numbers of their own. */
const BY_TEXT: readonly (readonly [RegExp, FailureKind])[] = [
  // Of a connection that has died before: nothing was sent, and the server was not heard.
  [
    /Can't (?:add new command|write) when connection is in closed state|Can't write in closed state/,
    'session-ended',
  ],
  [/Pool is closed|The connection is (?:already )?closed/i, 'connection'],
  [/Queue limit reached|No connections available/, 'overload'],
  [/Max connect timeout reached while reaching hostgroup/, 'connection'], // ProxySQL
  [/no healthy tablet|target: .* vttablet: .*(?:not serving|is shutting down)/i, 'connection'], // Vitess
  [/rpc error: code = ResourceExhausted|transaction pool connection limit exceeded/i, 'overload'],
];

const OPTION_PREVENTS_STATEMENT = 1290;
/** `--read-only`, `--super-read-only`, `innodb_read_only` (Aurora); other options have the same number. */
const NAMES_READ_ONLY = /read[-_ ]only/i;
/** No such database, or no right to it: of a connection that is made, and of a query that names another. */
const DATABASE_REFUSED = new Set([1044, 1049]);

/** Tells apart what mysql2, its pool, MySQL, MariaDB and proxies reject with. */
export function classifyMysqlFailure(error: unknown): FailureKind {
  const failure = driverErrorOf<MysqlError>(error);
  const errno = Number(failure.errno);
  const text = typeof failure.message === 'string' ? failure.message : '';
  if (errno === OPTION_PREVENTS_STATEMENT) return NAMES_READ_ONLY.test(text) ? 'read-only' : 'query';
  if (DATABASE_REFUSED.has(errno)) return failure.sql === undefined ? 'misconfigured' : 'query';
  const code = typeof failure.code === 'string' ? failure.code : '';
  return BY_ERRNO[errno] ?? BY_CODE[code] ?? byText(text, errno) ?? 'query';
}

/** The text of an error with a number below 9000 is the server's, or of the application's own routines. */
function byText(text: string, errno: number): FailureKind | undefined {
  if (errno > 0 && errno < FIRST_OF_PROXIES && errno !== UNKNOWN_ERROR) return undefined;
  return BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];
}

const FIRST_OF_PROXIES = 9_000;
/** In which Vitess words its own. */
const UNKNOWN_ERROR = 1105;

/** Whether the server itself has said that the statement failed, so that nothing of it was committed. */
export function isServersAnswer(error: unknown): boolean {
  const { errno, sqlState } = driverErrorOf<MysqlError>(error);
  return Number(errno) > 0 && typeof sqlState === 'string' && classifyMysqlFailure(error) !== 'connection';
}

/** Whether the server has refused a write by what it found: a duplicate, a reference, a routine's own SIGNAL. */
export function tellsOfData(error: unknown): boolean {
  return /^(?:23|45)/.test(String(driverErrorOf<MysqlError>(error).sqlState));
}

// Unknown variables, tables and columns, and no right to see them.
const REFUSED = new Set([1193, 1142, 1143, 1146, 1054, 1064, 1227, 1109]);

/** Whether a server cannot, or will not, tell this role what it was asked; anything else may go well the next time. */
export function refusesToTell(error: unknown): boolean {
  return REFUSED.has(Number(driverErrorOf<MysqlError>(error).errno));
}
