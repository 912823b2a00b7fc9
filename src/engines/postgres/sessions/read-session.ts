import type { ServerIdentity } from '../../../connector.js';
import type { ReadOnlyMeans } from '../../../options/options.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import type { PgClient } from '../../pg/internals.js';
import type { ReadSessionTerms } from '../../pg/pg-server.js';
import { noteBackend } from '../../pg/sessions/backend.js';
import { withStartupSettings } from '../../pg/sessions/startup-settings.js';
import { withQuestion } from '../../pg/sessions/with-verify.js';
import { needReadOnlyTransactions } from './read-only-transactions.js';
import { SERVER_ID_SQL } from '../server-identity.js';
import { STARTED_AT_SQL } from './backend.js';

interface Identity {
  readonly server_id: string;
  readonly pid: number;
  readonly started_at: string | null;
  readonly read_only: boolean;
}

const IDENTITY_SQL = `SELECT ${SERVER_ID_SQL} AS server_id,
 pg_backend_pid() AS pid, ${STARTED_AT_SQL}, current_setting('transaction_read_only') = 'on' AS read_only`;
const READ_ONLY = { default_transaction_read_only: 'on' };

/** Options with which every new connection says which server it has reached: pg-pool calls `verify` before its use. */
export function identifiedSession(
  options: DriverOptions,
  onIdentity: (identity: ServerIdentity) => void,
): DriverOptions {
  return withQuestion<Identity>(options, IDENTITY_SQL, (client, row) => {
    onIdentity(identityOf(client, row));
    return undefined;
  });
}

/**
 * Options for sessions that write nothing, the one to try first at the start: the server is told with the connection's
 * start-up parameters, which poolers refuse. The next one relies on what the server is: a standby, or a role that is
 * set to read only; every connection proves it, and where it is not so, each query runs in a READ ONLY transaction.
 */
export function readOnlySessions(
  options: DriverOptions,
  { means, onIdentity, onRoleHint }: ReadSessionTerms,
): readonly [DriverOptions, ...DriverOptions[]] {
  const identified = withQuestion<Identity>(options, IDENTITY_SQL, (client, row) => {
    const { server_id: serverId, pid, started_at, read_only: isReadOnly } = row;
    const identity = identityOf(client, row);
    noteBackend(client, { serverId, pid, startedAt: started_at ?? '', isPooled: identity.isPooled });
    onIdentity(identity);
    // It says so when it is connected, which was before, and with its first answer after a promotion.
    client.connection?.on?.('parameterStatus', ({ parameterName }) => {
      if (parameterName === 'in_hot_standby') onRoleHint();
    });
    if (means === 'transaction' || (!isReadOnly && !RELIES_ON_SERVER.has(means))) {
      needReadOnlyTransactions(client);
    } else if (!isReadOnly) return new NotReadOnlyError(means);
    return undefined;
  });
  const told = withStartupSettings(identified, READ_ONLY);
  if (means === 'startup') return [told];
  return means === 'auto' ? [told, identified] : [identified];
}

const RELIES_ON_SERVER = new Set<ReadOnlyMeans>(['role', 'server']);

function identityOf({ processID }: PgClient, { server_id, pid }: Identity): ServerIdentity {
  return { serverId: server_id, isPooled: typeof processID === 'number' && processID !== pid };
}

class NotReadOnlyError extends Error {
  readonly code = '28000';
  constructor(means: ReadOnlyMeans) {
    super(
      `The sessions are not read-only, although readOnly is '${means}': ${FIXES[means] ?? ''} Or set readOnly to 'transaction'.`,
    );
  }
}

const FIXES: Readonly<Partial<Record<ReadOnlyMeans, string>>> = {
  role: 'ALTER ROLE ... SET default_transaction_read_only = on.',
  server: 'the server is not a standby.',
};
