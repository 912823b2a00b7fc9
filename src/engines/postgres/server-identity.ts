/** Identifies the server process that answers. Probes and sessions are compared by it. */
export const SERVER_ID_SQL =
  "concat_ws(' ', host(inet_server_addr()), inet_server_port(), extract(epoch FROM pg_postmaster_start_time()))";

/**
 * The timeline of a primary: the first eight hex digits of the name of its WAL file, since `pg_control_checkpoint()`
 * trails after a promotion. A standby refuses that function.
 */
export const PRIMARY_TIMELINE_SQL =
  "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int";

/** The same address with a later start time is a server that was restarted. */
export function compareServers(now: string, before: string): 'same' | 'restarted' | 'another' {
  if (now === before) return 'same';
  const [a, b] = [now, before].map((id) => /^(.*?) ?([\d.]+)$/.exec(id));
  return a?.[1] !== b?.[1] || Number(a?.[2]) < Number(b?.[2]) ? 'another' : 'restarted';
}

/** What shapes the values that sessions read, and the statements that they take. */
export const DEFAULTS_SQL = `SELECT ${[
  'TimeZone',
  'DateStyle',
  'IntervalStyle',
  'client_encoding',
  'bytea_output',
  'extra_float_digits',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'search_path',
  'standard_conforming_strings',
]
  .map((name) => `current_setting('${name}') AS "${name}"`)
  .join(', ')}`;
