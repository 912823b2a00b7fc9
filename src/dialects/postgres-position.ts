import { correctInsertPosition, parseLsn } from '../consistency/position.js';
import type { CapturedPosition } from './dialect.js';
import type { PgClient, PgResult } from './pg-client.js';

/** Right behind a commit: the place in the primary's log that replicas must reach to show it. */
export const WRITE_POSITION_SQL = `SELECT pg_current_wal_insert_lsn() AS lsn, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline, current_setting('wal_block_size') AS block_size, pg_size_bytes(current_setting('wal_segment_size')) AS segment_size`;

const READ_POSITION_SQL =
  'SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END AS lsn, pg_is_in_recovery() AS in_recovery';

/** Reads the answer to {@link WRITE_POSITION_SQL}. */
export function readWritePosition(result: PgResult | undefined): CapturedPosition | undefined {
  const row = result?.rows[0];
  if (!row?.['lsn'] || !row['timeline']) return undefined;
  const sizes = { walBlockSize: Number(row['block_size']), walSegmentSize: Number(row['segment_size']) };
  return {
    position: correctInsertPosition(parseLsn(row['lsn']), sizes),
    timeline: parseInt(row['timeline'], 16),
  };
}

/** Asks for a position at or after everything that was read on the connection so far. */
export async function takeReadPosition(connection: unknown): Promise<bigint | undefined> {
  const { rows } = (await (connection as PgClient).query(READ_POSITION_SQL)) as PgResult;
  const { lsn, in_recovery } = rows[0] ?? {};
  if (!lsn) return undefined;
  return String(in_recovery) === 'true' ? parseLsn(lsn) : correctInsertPosition(parseLsn(lsn));
}
