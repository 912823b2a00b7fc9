import type { ProbeAnswer } from '../../connector.js';
import type { Position } from '../../position.js';
import type { RunStatement } from '../pool/typeorm-prober.js';
import { ask, type MysqlConnection } from './connection.js';
import { parseMariadbGtids, serverOf, withLastOfServers } from './mariadb-gtid.js';
import { parseMysqlGtids } from './mysql-gtid.js';
import { historyOf, ONE_HISTORY, positionOf } from './positions.js';
import type { ServerKind } from './server-kind.js';
import { ROLE_SQL, roleOf, SERVER_SQL, serverIdOf, WRITERS_SQL, writersOf, type Row } from './server-sql.js';

/** What MariaDB replicas have replayed, which a local write does not move; what a primary has, also after a promotion. */
const POSITIONS_SQL = `/*M! @@gtid_slave_pos AS replayed, @@gtid_current_pos AS written, @@log_bin AS logs, */
 /*!50706 @@global.gtid_executed AS executed, @@global.gtid_mode AS gtid_mode, */ @@server_id AS server_id`;

const PROBE_SQL = `SELECT ${ROLE_SQL}, ${POSITIONS_SQL}, ${WRITERS_SQL}, ${SERVER_SQL}`;
const MODEST_SQL = `SELECT ${ROLE_SQL}`;

/** Asks a node what it is. */
export async function probe(run: RunStatement, { kind, onWeakness }: ProbeTerms): Promise<ProbeAnswer> {
  if (kind?.isAurora) return probeAurora(run);
  const [row = {}] = await run(PROBE_SQL);
  const role = roleOf(row);
  if (role === 'replica' && Number(row['read_only']) === 0) onWeakness(WRITABLE);
  return {
    role,
    ...(kind?.hasPositions && placeOf(row, role)),
    serverId: serverIdOf(row),
    writers: writersOf(row),
  };
}

/** What is known of the server besides, and who is told what is wrong with it. */
export interface ProbeTerms {
  /** As the connection has found it. */
  readonly kind: ServerKind | undefined;
  readonly onWeakness: (detail: string) => void;
}

const WRITABLE =
  'It replays and can be written all the same: once its replication is stopped, it looks like a primary. SET GLOBAL read_only = 1';

const AURORA_SQL = `SELECT ${ROLE_SQL}, ${SERVER_SQL},
 status.SESSION_ID AS session, status.REPLICA_LAG_IN_MILLISECONDS AS lag_ms
 FROM (SELECT @@aurora_server_id AS name) AS this
 LEFT JOIN information_schema.replica_host_status AS status ON status.SERVER_ID = this.name`;
const OF_WRITER = 'MASTER_SESSION_ID';

/** What its storage says of a node, which knows a failover before the node's own variables do. */
async function probeAurora(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(AURORA_SQL);
  const { session } = row;
  const isSeen = typeof session === 'string';
  const lagMs = isSeen && row['lag_ms'] !== null ? Number(row['lag_ms']) : undefined;
  const told = session === OF_WRITER ? 'primary' : 'replica';
  const role = isSeen ? told : roleOf(row);
  return { role, serverId: serverIdOf(row), lagMs };
}

/** The same of a server that tells no positions. */
export async function probeRole(run: RunStatement): Promise<ProbeAnswer> {
  const [row = {}] = await run(MODEST_SQL);
  return { role: roleOf(row) };
}

/** A position at or after all that was read on a connection. */
export async function takeReadPosition(connection: MysqlConnection): Promise<Position | undefined> {
  const row = (await ask(connection, `SELECT ${ROLE_SQL}, ${POSITIONS_SQL}`)) ?? {};
  return placeOf(row, roleOf(row)).position;
}

function placeOf(row: Row, role: ProbeAnswer['role']): Pick<ProbeAnswer, 'position' | 'history'> {
  if (typeof row['executed'] === 'string') return placeOfMysql(row);
  const text = role === 'replica' ? row['replayed'] : row['written'];
  if (typeof text !== 'string') return {};
  // What a primary without a binary log writes has no numbers.
  if (role === 'primary' && Number(row['logs']) === 0) return {};
  const gtids = parseMariadbGtids(text);
  // Of a replica, the server that wrote what it has replayed last.
  const server = role === 'primary' ? Number(row['server_id']) : serverOf(gtids);
  const set = role === 'primary' ? withLastOfServers(gtids, knownGtids(row)) : gtids;
  return { position: positionOf(set), history: server === undefined ? undefined : historyOf(server) };
}

/** Without the state of its log, which a question for the position alone leaves out, nothing. */
function knownGtids({ logged, followed }: Row): string {
  return typeof logged === 'string' ? [logged, followed].filter(Boolean).join(',') : '';
}

function placeOfMysql({ executed, gtid_mode: mode }: Row): Pick<ProbeAnswer, 'position' | 'history'> {
  if (!String(mode).startsWith('ON')) return {};
  return { position: positionOf(parseMysqlGtids(String(executed))), history: ONE_HISTORY };
}
