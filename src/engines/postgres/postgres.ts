import type { Engine, ProbeAnswer, RunStatement } from '../../engine.js';
import type { Place } from '../../position.js';
import { classifyPostgresFailure, refusedPostgresStatement, refusesToTell } from './failure.js';
import { takeReadPosition } from './writes/write-position.js';
import { findings } from './findings.js';
import { correctInsertPosition, parseLsn } from './lsn.js';
import { historyOf, lsnOf, positionOf, positions, timelineOf } from './positions.js';
import { primarySession } from './sessions/primary-session.js';
import { guardReads } from './sessions/read-only-transactions.js';
import { identifiedSession, readOnlySessions, refusesStartupOption } from './sessions/read-session.js';
import { observePostgresWrites, unobserved } from './writes/observed-client.js';
import { transactionStatusOf } from './writes/transaction-status.js';
import { PRIMARY_TIMELINE_SQL, SERVER_ID_SQL } from './server-sql.js';
import { afterComments, hasSeveralStatements } from './writes/sql-text.js';
import { activeQueryOf, type PgClient } from './pg-client.js';

const PROBE_SQL = `SELECT pg_is_in_recovery() AS in_recovery,
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS position,
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END)::text AS received,
 CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
      ELSE ${PRIMARY_TIMELINE_SQL} END AS timeline,
 (SELECT system_identifier FROM pg_control_system())::text AS system_id,
 ${SERVER_ID_SQL} AS server_id,
 current_setting('wal_block_size')::int AS block_size,
 pg_size_bytes(current_setting('wal_segment_size'))::int AS segment_size`;

const ROLE_SQL = 'SELECT pg_is_in_recovery() AS in_recovery';

async function probe(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(PROBE_SQL);
  return readProbe(row);
}

async function probeRole(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(ROLE_SQL);
  return readProbe(row);
}

function readProbe(row: Readonly<Record<string, unknown>>): ProbeAnswer {
  const { in_recovery, position, received, timeline, system_id, server_id, block_size, segment_size } = row;
  const sizes = { walBlockSize: Number(block_size), walSegmentSize: Number(segment_size) };
  const lsn = typeof position === 'string' ? parseLsn(position) : undefined;
  const reached = lsn !== undefined && !in_recovery ? correctInsertPosition(lsn, sizes) : lsn;
  return {
    role: in_recovery === true ? 'replica' : 'primary',
    position: reached === undefined ? undefined : positionOf(reached),
    receivedPosition: typeof received === 'string' ? positionOf(parseLsn(received)) : undefined,
    history: typeof timeline === 'number' ? historyOf(timeline) : undefined,
    systemId: typeof system_id === 'string' ? system_id : undefined,
    serverId: typeof server_id === 'string' ? server_id : undefined,
  };
}

// Every text that is read with passes this: the boundary is looked for behind "pg_", which is found five times as fast.
const ADVISORY_LOCK = /pg_(?<=\bpg_)(try_)?advisory_(xact_)?lock/i;

const SEQUENCE = /\b(?:nextval|setval)\s*\(/i;

const TRANSACTION = afterComments(String.raw`(?:begin|start\s+transaction)\b`, { behindOthers: true });
const SETTINGS = afterComments(
  String.raw`(?:set\s+(?!local\b|transaction\b|constraints\b)|(?:reset|prepare(?!\s+transaction\b)|declare|discard|load|listen)\b|create\s+(?:global\s+|local\s+)?temp(?:orary)?\b)`,
  { behindOthers: true },
);
/** With `true` behind it, until the end of the transaction only. */
const SET_CONFIG = /_config(?<=\bset_config)\s*\((?![^)]*,\s*true\s*\))/i;

function bindsSession(sql: string): 'transaction' | 'settings' | undefined {
  const isPlainSelect = sql.startsWith('SELECT ') && !sql.includes(';');
  if (!isPlainSelect) {
    if (TRANSACTION.test(sql)) return 'transaction';
    if (SETTINGS.test(sql)) return 'settings';
  }
  return SET_CONFIG.test(sql) ? 'settings' : undefined;
}

function isInTransaction(connection: unknown): boolean | undefined {
  return transactionStatusOf(unobserved(connection))?.isOpen;
}

/** PostgreSQL says that it is ready right behind an error, in the same message mostly; behind one that ends the session never. */
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
  probe,
  probeRole,
  refusesToTell,
  classify: classifyPostgresFailure,
  refusedStatement: refusedPostgresStatement,
  hasSeveralStatements,
  takesAdvisoryLock: (sql) => ADVISORY_LOCK.test(sql),
  mayWriteUntraced: (sql) => ADVISORY_LOCK.test(sql) || SEQUENCE.test(sql),
  bindsSession,
  readOnlySessions,
  refusesReadOnlySession: refusesStartupOption,
  identifiedSession,
  guardReads,
  primarySession,
  isInTransaction,
  mayBeEnding,
  rollBack,
  readPosition: (connection) => takeReadPosition(unobserved(connection)),
  observeWrites: observePostgresWrites,
};
