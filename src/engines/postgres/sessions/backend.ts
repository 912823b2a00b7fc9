import type { RunStatement } from '../../pool/typeorm-prober.js';
import type { Backend } from '../../pg/internals.js';
import { SERVER_ID_SQL } from '../server-identity.js';

const STARTED_AT = 'extract(epoch FROM backend_start)::text';

/** A column for the statement with which a connection learns what it has reached. */
export const STARTED_AT_SQL = `(SELECT ${STARTED_AT} FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS started_at`;

/**
 * Whether its server has a backend at work: it runs, and waits neither for a lock, which nobody may ever release, nor for
 * its client, which has heard nothing of it. `undefined`: another server has answered.
 */
export async function askWhetherAtWork(
  { serverId, pid, startedAt }: Backend,
  run: RunStatement,
): Promise<boolean | undefined> {
  const [row] = await run(`SELECT ${SERVER_ID_SQL} = ${literal(serverId)} AS is_same, EXISTS (
 SELECT FROM pg_stat_activity WHERE pid = ${pid} AND ${STARTED_AT} = ${literal(startedAt)}
 AND state = 'active' AND coalesce(wait_event_type, '') NOT IN ('Lock', 'Client')) AS at_work`);
  return row?.['is_same'] === true ? row['at_work'] === true : undefined;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
