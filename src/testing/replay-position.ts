import type { PostgresNode } from './postgres-node.js';

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
  SELECT r.standby,
         CASE WHEN r.standby THEN pg_is_wal_replay_paused() ELSE false END AS paused,
         CASE WHEN r.standby THEN '0' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline,
         pg_wal_lsn_diff(
           CASE WHEN r.standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, '0/0'
         )::text AS position
  FROM (SELECT pg_is_in_recovery() AS standby) r`;

/** Asks a running node for its place in the log. */
export async function readPosition(node: PostgresNode): Promise<NodePosition> {
  const [row] = await node.control<
    Record<'timeline' | 'position', string> & Record<'standby' | 'paused', boolean>
  >(POSITION_SQL);
  if (row === undefined) throw new Error(`${node.name} returned no position`);
  return {
    node,
    isStandby: row.standby,
    isPaused: row.paused,
    timeline: Number.parseInt(row.timeline, 16),
    position: BigInt(row.position ?? 0),
  };
}

const FLUSH_SQL = `
  SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'nestjs-replicated', '')`;

/**
 * Has a primary write all of its log so far to disk, and a little more: standbys get nothing else. What open transactions
 * have written lies in memory until somebody commits, and behind the last record of a page the insert position already
 * points behind the next page's header, where no record can end: standbys of an idle primary would get there much later.
 */
export async function flush(primary: PostgresNode): Promise<void> {
  await primary.control(FLUSH_SQL);
}
