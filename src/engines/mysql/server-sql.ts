/**
 * Parts of SELECTs that both servers answer: MariaDB runs what stands in `/*M!`, MySQL what stands in `/*!50706`, which
 * MariaDB passes over.
 */
const STATUS_TABLE = '/*M! information_schema.GLOBAL_STATUS *//*!50706 performance_schema.global_status */';

/** Names the server, and its process by its start: the same second in each answer, since one statement has one time. */
export const SERVER_SQL = `CONCAT_WS(':', @@hostname, @@port, @@server_id /*!50706 , @@server_uuid */) AS server,
 UNIX_TIMESTAMP() - (SELECT VARIABLE_VALUE FROM ${STATUS_TABLE} WHERE VARIABLE_NAME = 'Uptime') AS started`;

/** MariaDB says how many threads replay: `read_only` is off on many replicas. Readers of Aurora are `innodb_read_only`. */
export const ROLE_SQL = `@@read_only /*!50706 OR @@innodb_read_only */ AS read_only/*M!, (SELECT VARIABLE_VALUE FROM
 information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Slaves_running') AS slaves_running */`;

/** Whose writes a server of MariaDB has: in its log, which may hold its own only, and replayed before it was promoted. */
export const WRITERS_SQL = `/*M! @@gtid_binlog_state AS logged, @@gtid_slave_pos AS followed, */ @@server_id AS server_id`;

/** By the numbers of servers; `undefined`: it is not MariaDB, or has no log. */
export function writersOf({ logged, followed }: Row): ReadonlySet<string> | undefined {
  if (typeof logged !== 'string') return undefined;
  const gtids = `${logged},${String(followed ?? '')}`.matchAll(/\d+-(\d+)-\d+/g);
  return new Set([...gtids].map(([, server = '']) => server));
}

export type Row = Readonly<Record<string, unknown>>;

export function serverIdOf({ server, started }: Row): string | undefined {
  return server === undefined ? undefined : `${String(server)} ${String(started)}`;
}

export function roleOf({ read_only: readOnly, slaves_running: running }: Row): 'primary' | 'replica' {
  return Number(readOnly) > 0 || Number(running ?? 0) > 0 ? 'replica' : 'primary';
}

/** Of a server of MySQL, the source of what it writes. */
export function uuidOf(serverId: string | undefined): string | undefined {
  return /:([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}) /.exec(serverId ?? '')?.[1]?.replaceAll('-', '');
}

/** Of a server of MariaDB, by what its writes are told apart. */
export function numberOf(serverId: string | undefined): string | undefined {
  return /:\d+:(\d+) /.exec(serverId ?? '')?.[1];
}

/** The same server with a later start is one that was restarted. One that hides its start is known by its name. */
export function compareServers(now: string, before: string): 'same' | 'restarted' | 'another' {
  if (now === before) return 'same';
  const [[name, start], [nameBefore, startBefore]] = [partsOf(now), partsOf(before)];
  if (name !== nameBefore || start < startBefore) return 'another';
  return start > startBefore ? 'restarted' : 'same';
}

function partsOf(serverId: string): [name: string, startedAt: number] {
  const at = serverId.lastIndexOf(' ');
  return [serverId.slice(0, at), Number(serverId.slice(at + 1))];
}

/** What shapes values and statements, by its names; `autocommit` of the server, since sessions here are given theirs. */
export const DEFAULTS_SQL = `SELECT IF(@@time_zone = 'SYSTEM', @@system_time_zone, @@time_zone) AS time_zone,
 @@sql_mode AS sql_mode, @@character_set_client AS character_set_client, @@character_set_results AS character_set_results,
 @@collation_connection AS collation_connection, @@lc_time_names AS lc_time_names,
 @@div_precision_increment AS div_precision_increment, @@group_concat_max_len AS group_concat_max_len,
 @@global.autocommit AS autocommit`;
