/**
 * Parts of SELECTs that both servers answer: MariaDB runs what stands in `/*M!`, MySQL what stands in `/*!50706`, which
 * MariaDB passes over.
 */
const STATUS_TABLE = '/*M! information_schema.GLOBAL_STATUS *//*!50706 performance_schema.global_status */';

/** Names the server, and its process by its start: the same second in each answer, since one statement has one time. */
export const SERVER_SQL = `CONCAT_WS(':', @@hostname, @@port, @@server_id) AS server,
 UNIX_TIMESTAMP() - (SELECT VARIABLE_VALUE FROM ${STATUS_TABLE} WHERE VARIABLE_NAME = 'Uptime') AS started`;

/** MariaDB says how many threads replay: `read_only` is off on many replicas. */
export const ROLE_SQL = `@@read_only AS read_only/*M!, (SELECT VARIABLE_VALUE FROM
 information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'Slaves_running') AS slaves_running */`;

export type Row = Readonly<Record<string, unknown>>;

export function serverIdOf({ server, started }: Row): string | undefined {
  return server === undefined ? undefined : `${String(server)} ${String(started)}`;
}

export function roleOf({ read_only: readOnly, slaves_running: running }: Row): 'primary' | 'replica' {
  return Number(readOnly) > 0 || Number(running ?? 0) > 0 ? 'replica' : 'primary';
}

/** The same server with a later start is one that was restarted. */
export function compareServers(now: string, before: string): 'same' | 'restarted' | 'another' {
  if (now === before) return 'same';
  const [a, b] = [now, before].map((id) => /^(.*) (\d+)$/.exec(id));
  return a?.[1] !== b?.[1] || Number(a?.[2]) < Number(b?.[2]) ? 'another' : 'restarted';
}
