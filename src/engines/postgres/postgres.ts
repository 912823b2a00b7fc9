import type { Engine, TextTraits } from '../../engine.js';
import type { Place } from '../../position.js';
import { classifyPostgresFailure, refusedPostgresStatement } from './failure.js';
import { takeReadPosition } from './writes/write-position.js';
import { findings } from './findings.js';
import { driverRules } from './driver-rules.js';
import { connector } from './pool/connector.js';
import { lsnOf, positions, timelineOf } from './positions.js';
import { compareServers } from './server-identity.js';
import { observePostgresWrites, unobserved } from './writes/observed-client.js';
import { afterComments, hasSeveralStatements } from './writes/sql-text.js';
import { ownBackendOf } from './sessions/backend.js';
import { activeQueryOf, TRANSACTION_STATUS, type PgClient } from './internals.js';

// Every text that is read with passes this: the boundary is looked for after "pg_", which is found five times as fast.
const ADVISORY_LOCK = /pg_(?<=\bpg_)(try_)?advisory_(xact_)?lock/i;

const SEQUENCE = /\b(?:nextval|setval)\s*\(/i;

const TRANSACTION = afterComments(String.raw`(?:begin|start\s+transaction)\b`, { behindOthers: true });
const SETTINGS = afterComments(
  String.raw`(?:set\s+(?!local\b|transaction\b|constraints\b)|(?:reset|prepare(?!\s+transaction\b)|declare|discard|load|listen)\b|create\s+(?:global\s+|local\s+)?temp(?:orary)?\b|update\s+(?:only\s+)?(?:pg_catalog\.)?pg_settings\b)`,
  { behindOthers: true },
);
/** Followed by `true`, until the end of the transaction only. */
const SET_CONFIG = /_config(?<=\bset_config)\s*\((?![^)]*,\s*true\s*\))/i;
/** The other ways to make what lasts as long as the session: SELECT INTO, and the schema of temporary things. */
const TEMPORARY = /temp(?:(?<=\binto\s+(?:(?:local|global)\s+)?temp)(?:orary)?\b|(?<=\bpg_temp)"?\s*\.)/i;

function traitsOf(sql: string): TextTraits {
  const takesAdvisoryLock = ADVISORY_LOCK.test(sql);
  const changesSession = SET_CONFIG.test(sql) || TEMPORARY.test(sql);
  const isPlainSelect = sql.startsWith('SELECT ') && !sql.includes(';');
  if (isPlainSelect && !takesAdvisoryLock && !changesSession) return NO_TRAITS;
  const isTransaction = !isPlainSelect && TRANSACTION.test(sql);
  const changesSettings = changesSession || (!isPlainSelect && SETTINGS.test(sql));
  return {
    binds: isTransaction ? 'transaction' : changesSettings ? 'settings' : undefined,
    takesLock: takesAdvisoryLock ? 'An advisory lock' : undefined,
    onlyBegins: sql === 'START TRANSACTION',
  };
}

const NO_TRAITS: TextTraits = { binds: undefined, takesLock: undefined, onlyBegins: false };

function isInTransaction(connection: unknown): boolean | undefined {
  return (connection as PgClient)[TRANSACTION_STATUS]?.isOpen;
}

/** PostgreSQL says that it is ready right after an error, in the same message mostly; never after one that ends the session. */
function mayBeEnding(connection: unknown): boolean {
  const client = connection as PgClient;
  return client.readyForQuery === false && activeQueryOf(client) === undefined;
}

async function rollBack(connection: unknown): Promise<void> {
  await unobserved(connection).query('ROLLBACK');
}

function show({ position, history }: Place): ReturnType<Engine['show']> {
  return {
    position: position === undefined ? undefined : lsnOf(position),
    timeline: history === undefined ? undefined : timelineOf(history),
  };
}

/** PostgreSQL 14 and later, with node-postgres. */
export const postgres: Engine = {
  positions,
  isOlder: (history, than) => timelineOf(history) < timelineOf(than),
  show,
  findings,
  compareServers,
  connector,
  driverRules,
  classify: classifyPostgresFailure,
  refusedStatement: refusedPostgresStatement,
  hasSeveralStatements,
  traitsOf,
  mayWriteUntraced: (sql) => ADVISORY_LOCK.test(sql) || SEQUENCE.test(sql),
  mayReadAt: (isolation) => isolation !== 'SERIALIZABLE',
  isInTransaction,
  mayBeEnding,
  rollBack,
  readPosition: (connection) => takeReadPosition(unobserved(connection)),
  serverOf: (connection) => ownBackendOf(unobserved(connection))?.serverId,
  observeWrites: observePostgresWrites,
  openQuestion: () => undefined, // asked with each statement
};
