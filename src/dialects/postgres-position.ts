import {
  correctInsertPosition,
  parseLsn,
  type CapturedPosition,
  type WalSizes,
} from '../consistency/position.js';
import type { PgClient, PgResult } from './pg-client.js';

// As text, since an application may have node-postgres parse pg_lsn into something of its own.
const WRITE_POSITION_SQL =
  'SELECT pg_current_wal_insert_lsn()::text AS lsn, pg_walfile_name(pg_current_wal_insert_lsn()) AS file';
const WITH_SIZES = `${WRITE_POSITION_SQL}, current_setting('wal_block_size') AS block_size, pg_size_bytes(current_setting('wal_segment_size')) AS segment_size`;

/**
 * The place in the primary's log that replicas must reach to show what was committed. One per connection: the server's
 * sizes are asked for once, since settings cost it more than positions.
 */
export class WritePosition {
  private sizes: WalSizes | undefined;

  /** To be asked right behind a commit. */
  get sql(): string {
    return this.sizes ? WRITE_POSITION_SQL : WITH_SIZES;
  }

  /** Reads the answer. */
  read(result: PgResult | undefined): CapturedPosition | undefined {
    const { lsn, file, block_size, segment_size } = result?.rows[0] ?? {};
    if (block_size && segment_size)
      this.sizes = { walBlockSize: Number(block_size), walSegmentSize: Number(segment_size) };
    if (!lsn || !file) return undefined;
    return {
      position: correctInsertPosition(parseLsn(lsn), this.sizes),
      timeline: parseInt(file.slice(0, TIMELINE_DIGITS), 16),
    };
  }
}

/** A WAL file's name begins with its timeline. */
const TIMELINE_DIGITS = 8;

const READ_POSITION_SQL =
  'SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS lsn, pg_is_in_recovery() AS in_recovery';

/** Asks for a position at or after everything that was read on the connection so far. */
export async function takeReadPosition(connection: unknown): Promise<bigint | undefined> {
  const { rows } = (await (connection as PgClient).query(READ_POSITION_SQL)) as PgResult;
  const { lsn, in_recovery } = rows[0] ?? {};
  if (!lsn) return undefined;
  return String(in_recovery) === 'true' ? parseLsn(lsn) : correctInsertPosition(parseLsn(lsn));
}
