import type { DriverRules } from '../../options/driver/driver-rules.js';
import { parseNodeUrl } from '../../options/driver/node-address.js';
import { withConnectTimeout } from './pool/driver-options.js';

const NO_SCHEME = "has no scheme: expected 'mysql://user:password@host/database'.";
const SEVERAL_HOSTS =
  'names several hosts, which mysql2 does not understand. Make each of them a node of its own.';
const PASSWORD_FUNCTION =
  'has no password, and TypeORM ignores a password function beside a url. Give host, port and database instead.';
const RESETS_SESSIONS =
  'takes from its connections, when they are released, what makes them read-only, and what tells of writes. Remove it: a connection whose session was changed is closed instead.';

/** Of mysql2. */
export const driverRules: DriverRules = {
  defaultPort: '3306',
  poolSizeInExtra: 'connectionLimit',
  synonymsInExtra: new Map([
    ['poolSize', ['connectionLimit']],
    ['connectTimeout', ['connectTimeout']],
    ['timezone', ['timezone']],
    ['charset', ['charset']],
    ['ssl', ['ssl']],
  ]),
  // By SET SESSION on each new connection, whatever the server and the role are.
  readOnlyMeans: new Set(['auto', 'startup']),
  canSetUpSessions: true,
  hasLagInBytes: false,
  checkUrl(text, inherited) {
    if (!text.includes('://')) return NO_SCHEME;
    const url = parseNodeUrl(text);
    if (url?.host.includes(',')) return SEVERAL_HOSTS;
    return !url?.password && typeof inherited['password'] === 'function' ? PASSWORD_FUNCTION : undefined;
  },
  refusedExtra: ({ resetOnRelease }) => (resetOnRelease ? [['resetOnRelease', RESETS_SESSIONS]] : []),
  complete: (merged) => merged,
  withConnectTimeout,
};
