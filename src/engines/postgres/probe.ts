import type { ProbeAnswer } from '../../connector.js';
import { refusesToTell } from '../pg/failure.js';
import type { PgServer, Probing } from '../pg/pg-server.js';
import type { RunStatement } from '../pool/typeorm-prober.js';
import { correctInsertPosition, parseLsn } from './lsn.js';
import { historyOf, positionOf } from './positions.js';
import { DEFAULTS_SQL, PRIMARY_TIMELINE_SQL, SERVER_ID_SQL } from './server-identity.js';

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

/** Asks a node what it is, after it was learnt of each connection what its server is like. */
export function createProbe({ onWeakness, onDefaults }: Parameters<PgServer['createProbe']>[0]): Probing {
  let isAurora = false;
  return {
    probeRole,
    refusesToTell,
    async learn(run) {
      const [row = {}] = await run(IS_AURORA_SQL);
      isAurora = row['is_aurora'] === true;
      if (isAurora) onWeakness(AURORA);
      onDefaults((await run(DEFAULTS_SQL))[0] ?? {});
    },
    async probe(run) {
      if (isAurora) return probeAurora(run);
      const [row = {}] = await run(PROBE_SQL);
      return readProbe(row);
    },
  };
}

const IS_AURORA_SQL = `SELECT to_regproc('aurora_version') IS NOT NULL
 AND to_regproc('aurora_replica_status') IS NOT NULL AS is_aurora`;
const AURORA =
  'Aurora PostgreSQL: its readers share storage and have no positions of their own, so after a write the client reads the primary until the lag that Aurora tells proves that a reader has it';

const AURORA_SQL = `SELECT pg_is_in_recovery() AS in_recovery, ${SERVER_ID_SQL} AS server_id,
 status.session_id AS session, status.replica_lag_in_msec AS lag_ms
 FROM (SELECT aurora_db_instance_identifier() AS name) AS this
 LEFT JOIN aurora_replica_status() AS status ON status.server_id = this.name`;
const OF_WRITER = 'MASTER_SESSION_ID';

/** What its storage says of a node. */
async function probeAurora(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(AURORA_SQL);
  const { session } = row;
  const { role, serverId } = readProbe(row);
  if (typeof session !== 'string') return { role, serverId };
  const lagMs = row['lag_ms'] === null ? undefined : Number(row['lag_ms']);
  return { role: session === OF_WRITER ? 'primary' : 'replica', serverId, lagMs };
}

/** The same of a server that tells no positions. */
async function probeRole(run: RunStatement): Promise<ProbeAnswer> {
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
