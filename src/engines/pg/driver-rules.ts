import type { DriverRules } from '../../options/driver/driver-rules.js';
import { parseNodeUrl } from '../../options/driver/node-address.js';
import type { UnknownRecord } from '../../options/place.js';
import type { DriverOptions } from '../../options/resolved-options.js';
import { withConnectTimeout } from './pool/with-connect-timeout.js';

const NO_SCHEME = "has no scheme: expected 'postgres://user:password@host/database'.";
const UNREADABLE =
  'is no url that node-postgres understands. Percent-encode special characters of the password, and give one host.';
const SEVERAL_HOSTS =
  'names several hosts, which node-postgres does not understand. Make each of them a node of its own.';
const PASSWORD_FUNCTION =
  'has no password, and node-postgres ignores a password function beside a url. Give host, port and database instead.';

/** Of node-postgres. */
export const driverRules: DriverRules = {
  defaultPort: '5432',
  poolSizeInExtra: 'max',
  synonymsInExtra: new Map([
    ['poolSize', ['max']],
    ['connectTimeoutMS', ['connectionTimeoutMillis']],
    ['applicationName', ['application_name']],
    ['ssl', ['ssl']],
  ]),
  readOnlyMeans: new Set(['auto', 'startup', 'role', 'transaction', 'server']),
  canSetUpSessions: true,
  hasLagInBytes: true,
  checkUrl,
  refusedExtra: () => [],
  complete: completeUrl,
  withConnectTimeout,
};

function checkUrl(text: string, inherited: UnknownRecord): string | undefined {
  if (/^\/|^socket:/.test(text)) return undefined;
  if (!text.includes('://')) return NO_SCHEME;
  const url = parseNodeUrl(text);
  if (!url) return UNREADABLE;
  if (url.host.includes(',')) return SEVERAL_HOSTS;
  return !url.password && typeof inherited['password'] === 'function' ? PASSWORD_FUNCTION : undefined;
}

/**
 * Beside a url node-postgres ignores host, port, username, password and database, so that shared credentials would
 * have no effect: what the url leaves out is written into it.
 */
function completeUrl(merged: UnknownRecord): DriverOptions {
  const { host: _host, port, username, password, database, ...rest } = merged;
  const url = typeof rest['url'] === 'string' ? parseNodeUrl(rest['url']) : undefined;
  if (!url?.hostname) return merged;
  const before = url.href;
  if (!url.username && username) url.username = encodeURIComponent(String(username));
  if (!url.password && typeof password === 'string') url.password = encodeURIComponent(password);
  if (!url.port && port) url.port = String(port);
  if (url.pathname.length < 2 && database) url.pathname = encodeURIComponent(String(database));
  return url.href === before ? rest : { ...rest, url: url.href };
}
