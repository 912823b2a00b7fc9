import type { RunStatement } from '../../pool/typeorm-prober.js';
import { BACKEND, type Backend, type PgClient } from '../internals.js';
import { SERVER_ID_SQL } from '../server-identity.js';

const STARTED_AT = 'extract(epoch FROM backend_start)::text';

/** A column for the statement with which a connection learns what it has reached. */
export const STARTED_AT_SQL = `(SELECT ${STARTED_AT} FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS started_at`;

/** Notes of a connection which process serves it. Only those that read are noted: a write is never ended from here. */
export function noteBackend(client: PgClient, backend: Backend): void {
  Object.defineProperty(client, BACKEND, { value: backend, configurable: true });
}

/** The process that serves a connection and nobody else. */
export function ownBackendOf(client: PgClient): Backend | undefined {
  const backend = client[BACKEND];
  return backend?.isPooled === false ? backend : undefined;
}

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
