import type { PostgresNode } from './postgres-node.js';

/** What a running node says about its place in the log. */
export interface NodePosition {
  node: PostgresNode;
  isStandby: boolean;
  isPaused: boolean;
  timeline: number;
  /** Bytes of the log that a standby has replayed. */
  replayed: bigint;
}

const POSITION_SQL = `
  SELECT r.standby,
         CASE WHEN r.standby THEN pg_is_wal_replay_paused() ELSE false END AS paused,
         CASE WHEN r.standby THEN '0' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline,
         pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text AS replayed
  FROM (SELECT pg_is_in_recovery() AS standby) r`;

/** Asks a running node for its place in the log. */
export async function readPosition(node: PostgresNode): Promise<NodePosition> {
  const [row] = await node.control<
    Record<'timeline' | 'replayed', string> & Record<'standby' | 'paused', boolean>
  >(POSITION_SQL);
  if (row === undefined) throw new Error(`${node.name} returned no position`);
  return {
    node,
    isStandby: row.standby,
    isPaused: row.paused,
    timeline: Number.parseInt(row.timeline, 16),
    replayed: BigInt(row.replayed ?? 0),
  };
}

const FLUSH_SQL = `
  SELECT set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'nestjs-replicated', '')`;
const FLUSHED_SQL = `SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::text AS position`;

/**
 * Has a primary write all of its log so far to disk, and a little more: standbys get nothing else. What open transactions
 * have written lies in memory until somebody commits, and behind the last record of a page the insert position already
 * points behind the next page's header, where no record can end: standbys of an idle primary would get there much later.
 *
 * @returns how far it is written, in bytes. A standby that has got there lacks nothing until the primary writes again.
 */
export async function flush(primary: PostgresNode): Promise<bigint> {
  await primary.control(FLUSH_SQL);
  const [row] = await primary.control<{ position: string }>(FLUSHED_SQL);
  return BigInt(row?.position ?? 0);
}
