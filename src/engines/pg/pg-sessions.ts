import type { Engine, TextTraits } from '../../engine.js';
import { refusedPgStatement } from './failure.js';
import { activeQueryOf, TRANSACTION_STATUS, type PgClient } from './internals.js';
import { unobserved } from './writes/observed-client.js';
import { afterComments, hasSeveralStatements } from './writes/sql-text.js';

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

/** What of an engine is PostgreSQL's language and node-postgres', whichever server speaks it. */
export const pgSessions = {
  refusedStatement: refusedPgStatement,
  hasSeveralStatements,
  traitsOf,
  mayWriteUntraced: (sql) => ADVISORY_LOCK.test(sql) || SEQUENCE.test(sql),
  isInTransaction,
  mayBeEnding,
  rollBack,
  openQuestion: () => undefined, // asked with each statement
} satisfies Partial<Engine>;
