import { redactUrl } from '../describe-value.js';
import type { DriverOptions } from '../resolved-options.js';
import { isRecord } from '../place.js';

/** Where the driver of a node dials. */
export interface NodeAddress {
  readonly host: string;
  readonly port: string;
  readonly database: string;
}

/** Stands where a url has credentials but no host, which `URL` refuses and drivers accept. */
const NO_HOST = 'no-host.invalid';

/** The address as the driver sees it: `extra` wins over the options, and a url over both. */
function addressOf(driver: DriverOptions, defaultPort: string): NodeAddress {
  const extra = isRecord(driver['extra']) ? driver['extra'] : {};
  const said = (key: string) => String(extra[key] || driver[key] || '');
  const text = said('connectionString') || said('url');
  const url = parseNodeUrl(text);
  if (text && !url) return { host: redactUrl(text), port: '', database: '' };
  return {
    host: (said('address') || hostOf(url) || said('host') || said('socketPath') || 'localhost').toLowerCase(),
    port: portOf(url) || said('port') || defaultPort,
    database: decode(url?.pathname.slice(1)) || said('database'),
  };
}

/**
 * A node in logs and messages: `host:port/database`, without user and password.
 *
 * ```ts
 * describeNode({ url: 'postgres://u:secret@db-1/app' }, '5432'); // db-1:5432/app
 * ```
 */
export function describeNode(driver: DriverOptions, defaultPort: string): string {
  const { host, port, database } = addressOf(driver, defaultPort);
  const server = /^[0-9a-f:]*:[0-9a-f:]*$/.test(host) ? `[${host}]` : host;
  return `${server}${port && `:${port}`}${database && `/${database}`}`;
}

/** The options of a node without its database and what its sessions are called: equal for databases of one server and role. */
export function withoutDatabase(driver: DriverOptions): DriverOptions {
  const { database: _database, schema: _schema, applicationName: _name, ...server } = driver;
  const url = parseNodeUrl(String(driver['url'] ?? ''));
  if (!url) return server;
  url.pathname = '';
  return { ...server, url: url.href };
}

export function isSameAddress(one: DriverOptions, other: DriverOptions, defaultPort: string): boolean {
  const [a, b] = [addressOf(one, defaultPort), addressOf(other, defaultPort)];
  return a.host === b.host && a.port === b.port && a.database === b.database;
}

/** The url's parts; `undefined` when it is none, a socket's path for instance. */
export function parseNodeUrl(text: string): URL | undefined {
  if (!text.includes('://')) return undefined;
  const url = [text, text.replace('@/', `@${NO_HOST}/`)].find((candidate) => URL.canParse(candidate));
  return url === undefined ? undefined : new URL(url);
}

/** Drivers prefer the host of the query, which is how a socket's folder is given. */
function hostOf(url: URL | undefined): string {
  const host = url?.searchParams.get('host') || url?.hostname.replace(/^\[(.+)\]$/, '$1') || '';
  return host === NO_HOST ? '' : decode(host);
}

function portOf(url: URL | undefined): string {
  return url?.searchParams.get('port') || url?.port || '';
}

function decode(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray %: the driver will say what it thinks of it
  }
}
