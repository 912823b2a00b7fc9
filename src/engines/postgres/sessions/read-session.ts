import type { ServerIdentity } from '../../../connector.js';
import type { ReadOnlyMeans } from '../../../options/options.js';
import type { DriverOptions } from '../../../options/resolved-options.js';
import type { PgClient } from '../internals.js';
import { needReadOnlyTransactions } from './read-only-transactions.js';
import { SERVER_ID_SQL } from '../server-identity.js';
import { limitSilence } from './silence-limit.js';
import { withVerify } from './with-verify.js';

/** What is to be known of, and done with, connections that read. */
export interface ReadSessionTerms {
  readonly means: ReadOnlyMeans;
  /** A connection whose server owes an answer and says nothing for so long is given up; `undefined`: never. */
  readonly silenceMs: number | undefined;
  /** Told of every new connection, before it is used. */
  readonly onIdentity: (identity: ServerIdentity) => void;
  /** Told when the server of a connection says that it is no standby any more, or one now: a hint, not a proof. */
  readonly onRoleHint: () => void;
}

interface Identity {
  readonly server_id: string;
  readonly pid: number;
  readonly read_only: boolean;
}
type Answered = (error: Error | null, result?: { rows: Identity[] }) => void;

const IDENTITY_SQL = `SELECT ${SERVER_ID_SQL} AS server_id,
 pg_backend_pid() AS pid, current_setting('transaction_read_only') = 'on' AS read_only`;
const READ_ONLY = '-c default_transaction_read_only=on';

/** Options with which every new connection says which server it has reached: pg-pool calls `verify` before its use. */
export function identifiedSession(
  options: DriverOptions,
  onIdentity: (identity: ServerIdentity) => void,
): DriverOptions {
  return verified(options, (_client, _isReadOnly, identity) => void onIdentity(identity));
}

/**
 * Options for sessions that write nothing, the one to try first at the start: the server is told with the connection's
 * start-up parameters, which poolers refuse. The next one relies on what the server is: a standby, or a role that is
 * set to read only; every connection proves it, and where it is not so, each query runs in a READ ONLY transaction.
 */
export function readOnlySessions(
  options: DriverOptions,
  { means, silenceMs, onIdentity, onRoleHint }: ReadSessionTerms,
): readonly [DriverOptions, ...DriverOptions[]] {
  const identified = verified(options, (client, isReadOnly, identity) => {
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
  const proven = silenceMs === undefined ? identified : limitSilence(identified, silenceMs);
  if (means === 'startup') return [withStartupOption(proven)];
  return means === 'auto' ? [withStartupOption(proven), proven] : [proven];
}

/** Whether the start-up option was refused, so that the next of {@link readOnlySessions} is to be tried. */
export function refusesStartupOption(error: unknown): boolean {
  const { message } = (error ?? {}) as { message?: unknown };
  return /unsupported startup parameter/i.test(String(message));
}

const RELIES_ON_SERVER = new Set<ReadOnlyMeans>(['role', 'server']);

function withStartupOption(options: DriverOptions): DriverOptions {
  const extra = (options['extra'] ?? {}) as { options?: string };
  const own = extra.options;
  return { ...options, extra: { ...extra, options: own ? `${own} ${READ_ONLY}` : READ_ONLY } };
}

type Judge = (client: PgClient, isReadOnly: boolean, identity: ServerIdentity) => Error | undefined;

function verified(options: DriverOptions, judge: Judge): DriverOptions {
  return withVerify<PgClient>(options, (client, done) => {
    const answered: Answered = (error, result) => {
      const row = result?.rows[0];
      done(error ?? (row && judge(client, row.read_only, identityOf(client, row))));
    };
    client.query(IDENTITY_SQL, answered);
  });
}

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
