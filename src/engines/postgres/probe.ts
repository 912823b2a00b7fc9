import type { ProbeAnswer } from '../../connector.js';
import type { RunStatement } from '../pool/typeorm-prober.js';
import { correctInsertPosition, parseLsn } from './lsn.js';
import { historyOf, positionOf } from './positions.js';
import { PRIMARY_TIMELINE_SQL, SERVER_ID_SQL } from './server-identity.js';

const PROBE_SQL = `SELECT pg_is_in_recovery() AS in_recovery,
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS position,
 (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() END)::text AS received,
 CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
      ELSE ${PRIMARY_TIMELINE_SQL} END AS timeline,
 (CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END)::text AS flushed,
 extract(epoch FROM current_setting('wal_writer_delay')::interval)::float8 * 1000 AS writer_delay_ms,
 (SELECT system_identifier FROM pg_control_system())::text AS system_id,
 ${SERVER_ID_SQL} AS server_id,
 current_setting('wal_block_size')::int AS block_size,
 pg_size_bytes(current_setting('wal_segment_size'))::int AS segment_size`;

const ROLE_SQL = 'SELECT pg_is_in_recovery() AS in_recovery';

/** Asks a node what it is. */
export async function probe(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(PROBE_SQL);
  return readProbe(row);
}

/** The same of a server that tells no positions. */
export async function probeRole(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(ROLE_SQL);
  return readProbe(row);
}

function readProbe(row: Readonly<Record<string, unknown>>): ProbeAnswer {
  const { in_recovery, position, received, timeline, system_id, server_id, block_size, segment_size } = row;
  const { flushed, writer_delay_ms } = row;
  const sizes = { walBlockSize: Number(block_size), walSegmentSize: Number(segment_size) };
  const lsn = typeof position === 'string' ? parseLsn(position) : undefined;
  const reached = lsn !== undefined && !in_recovery ? correctInsertPosition(lsn, sizes) : lsn;
  return {
    role: in_recovery === true ? 'replica' : 'primary',
    position: reached === undefined ? undefined : positionOf(reached),
    flushed: flushedBefore(reached, flushed, Number(writer_delay_ms)),
    receivedPosition: typeof received === 'string' ? positionOf(parseLsn(received)) : undefined,
    history: typeof timeline === 'number' ? historyOf(timeline) : undefined,
    systemId: typeof system_id === 'string' ? system_id : undefined,
    serverId: typeof server_id === 'string' ? server_id : undefined,
  };
}

function flushedBefore(
  position: bigint | undefined,
  text: unknown,
  writerDelayMs: number,
): ProbeAnswer['flushed'] {
  if (position === undefined || typeof text !== 'string') return undefined;
  const flushed = parseLsn(text);
  if (flushed >= position) return undefined;
  return { position: positionOf(flushed), delayMs: WRITER_ROUNDS * writerDelayMs };
}

/** What was committed with `synchronous_commit = off` is on disk after so many rounds of the WAL writer, as its documentation says. */
const WRITER_ROUNDS = 3;
