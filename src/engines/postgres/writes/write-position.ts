import type { CapturedPosition, Position } from '../../../position.js';
import { correctInsertPosition, parseLsn, type WalSizes } from '../lsn.js';
import { historyOf, positionOf } from '../positions.js';
import type { PgClient, PgResult, RawRow } from '../../pg/internals.js';
import type { PositionQuestion } from '../../pg/pg-server.js';

// As text: where rows come parsed (pg-native), an application may have pg_lsn made into something of its own.
const LSN_SQL = 'SELECT pg_current_wal_insert_lsn()::text AS lsn';
const WITH_FILE_SQL = `${LSN_SQL}, pg_walfile_name(pg_current_wal_insert_lsn()) AS file`;
const WITH_FACTS_SQL = `${WITH_FILE_SQL}, pg_backend_pid()::text AS pid, current_setting('wal_block_size') AS block_size, pg_size_bytes(current_setting('wal_segment_size'))::text AS segment_size`;

/**
 * The place in the primary's log that replicas must reach to show what was committed. One per connection: what stays
 * the same is asked for once, since it costs the server more than the position alone.
 */
export class WritePosition implements PositionQuestion {
  private sizes: WalSizes | undefined;
  /** A primary keeps its timeline for as long as it runs, and a connection its server, but for those of poolers. */
  private timeline: number | undefined;

  constructor(private readonly client: Pick<PgClient, 'processID'>) {}

  get isAllElseKnown(): boolean {
    return this.sizes !== undefined && this.timeline !== undefined;
  }

  get sql(): string {
    if (!this.sizes) return WITH_FACTS_SQL;
    return this.timeline === undefined ? WITH_FILE_SQL : LSN_SQL;
  }

  read([lsn, file, pid, blockSize, segmentSize]: RawRow = []): CapturedPosition | undefined {
    if (blockSize && segmentSize)
      this.sizes = { walBlockSize: Number(blockSize), walSegmentSize: Number(segmentSize) };
    const timeline = file ? parseInt(file.slice(0, TIMELINE_DIGITS), 16) : this.timeline;
    if (!lsn || timeline === undefined) return undefined;
    // A pooler makes up the number that it gives its clients.
    if (pid && Number(pid) === this.client.processID) this.timeline = timeline;
    const position = correctInsertPosition(parseLsn(lsn), this.sizes);
    return { position: positionOf(position), history: historyOf(timeline) };
  }
}

/** A WAL file's name begins with its timeline. */
const TIMELINE_DIGITS = 8;

const READ_POSITION_SQL =
  'SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS lsn, pg_is_in_recovery() AS in_recovery';

/** Asks for a position at or after everything that was read on the connection so far. */
export async function takeReadPosition(connection: unknown): Promise<Position | undefined> {
  const { rows } = (await (connection as PgClient).query(READ_POSITION_SQL)) as PgResult;
  const { lsn, in_recovery } = rows[0] ?? {};
  if (!lsn) return undefined;
  const position = parseLsn(lsn);
  return positionOf(String(in_recovery) === 'true' ? position : correctInsertPosition(position));
}
