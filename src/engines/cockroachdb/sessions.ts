import { isRecord } from '../../options/place.js';
import type { DriverOptions } from '../../options/resolved-options.js';
import type { Backend } from '../pg/internals.js';
import type { PgServer } from '../pg/pg-server.js';
import { noteBackend } from '../pg/sessions/backend.js';
import { withStartupSettings } from '../pg/sessions/startup-settings.js';
import { withQuestion } from '../pg/sessions/with-verify.js';

const FOLLOWER_READS = 'default_transaction_use_follower_reads';
const READ_ONLY = 'default_transaction_read_only';

/** A session that reads what was committed, whatever the role, the database or the cluster has for its default. */
export function presentSession(options: DriverOptions): DriverOptions {
  return withStartupSettings(options, { [FOLLOWER_READS]: 'off' });
}

/** In the primary's place what was committed is read, in a replica's what was some seconds ago. */
export const primarySession: PgServer['primarySession'] = (options, { isPrimary = () => true }) =>
  withProven(withConnectLimit(options), [FOLLOWER_READS, isPrimary() ? 'off' : 'on']);

/** Only transactions that cannot write use follower reads. */
export const readOnlySessions: PgServer['readOnlySessions'] = (options) => [
  withProven(options, [READ_ONLY, 'on'], TO_BE_CANCELLED),
];

/** What is known of the process behind a connection that reads: the key to cancel with. */
const TO_BE_CANCELLED: Backend = { serverId: '', pid: 0, startedAt: '', isPooled: true };

interface Setting {
  readonly value: string;
}

/** A pooler may keep settings to itself, and a set-up of the application change them: each connection proves its own. */
function withProven(
  options: DriverOptions,
  [name, value]: readonly [name: string, value: string],
  backend?: Backend,
): DriverOptions {
  const told = withStartupSettings(options, { [name]: value });
  return withQuestion<Setting>(told, `SELECT current_setting('${name}') AS value`, (client, found) => {
    if (backend) noteBackend(client, backend);
    return found.value === value ? undefined : new SettingError(name, value, found.value);
  });
}

class SettingError extends Error {
  readonly code = '28000';
  constructor(name: string, value: string, found: string) {
    super(
      `${name} is '${found}' in a new session, which was told '${value}' as it started: let poolers pass start-up options on, and leave the setting alone in onConnect.`,
    );
  }
}

/** TypeORM's driver for CockroachDB has no `connectTimeoutMS`. */
function withConnectLimit({ connectTimeoutMS, ...options }: DriverOptions): DriverOptions {
  if (connectTimeoutMS === undefined) return options;
  const extra = isRecord(options['extra']) ? options['extra'] : {};
  return { ...options, extra: { connectionTimeoutMillis: connectTimeoutMS, ...extra } };
}
