import type { PostgresNode } from './postgres-node.js';

const WAL_BLOCK_BYTES = 8_192n;
const WAL_PAGE_HEADER_BYTES = 24n;
const WAL_SEGMENT_HEADER_BYTES = 40n;

/** What a running node says about its place in the log. */
export interface NodePosition {
  node: PostgresNode;
  isStandby: boolean;
  isPaused: boolean;
  timeline: number;
  /** Bytes: the primary's insert position, or the standby's replay position. */
  position: bigint;
}

const POSITION_SQL = `
  SELECT r.standby, s.setting AS segment,
         CASE WHEN r.standby THEN pg_is_wal_replay_paused() ELSE false END AS paused,
         CASE WHEN r.standby THEN '0' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline,
         pg_wal_lsn_diff(
           CASE WHEN r.standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, '0/0'
         )::text AS position
  FROM (SELECT pg_is_in_recovery() AS standby) r, pg_settings s WHERE s.name = 'wal_segment_size'`;

/** Asks a running node for its place in the log. */
export async function readPosition(node: PostgresNode): Promise<NodePosition> {
  const [row] = await node.control<
    Record<'segment' | 'timeline' | 'position', string> & Record<'standby' | 'paused', boolean>
  >(POSITION_SQL);
  if (row === undefined) throw new Error(`${node.name} returned no position`);
  const position = BigInt(row.position ?? 0);
  return {
    node,
    isStandby: row.standby,
    isPaused: row.paused,
    timeline: Number.parseInt(row.timeline, 16),
    position: row.standby ? position : lastRecordEnd(position, BigInt(row.segment)),
  };
}

/**
 * Where the last record ends, given the insert position. At a page boundary the insert position already points
 * behind the next page's header, where no record can end: an idle primary's replicas would never reach it.
 */
export function lastRecordEnd(insertPosition: bigint, segmentBytes: bigint): bigint {
  if (insertPosition % segmentBytes === WAL_SEGMENT_HEADER_BYTES)
    return insertPosition - WAL_SEGMENT_HEADER_BYTES;
  if (insertPosition % WAL_BLOCK_BYTES === WAL_PAGE_HEADER_BYTES)
    return insertPosition - WAL_PAGE_HEADER_BYTES;
  return insertPosition;
}
