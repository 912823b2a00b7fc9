import { describeKind, describeValue } from './describe-value.js';
import { didYouMean } from './did-you-mean.js';
import { parseNodeUrl } from './driver/node-address.js';
import type { Place, UnknownRecord } from './place.js';

/** Keys that TypeORM would ignore, and those it has for them. */
const SLIPS = new Map([
  ['uri', 'url'],
  ['connectionString', 'url'],
  ['hostname', 'host'],
  ['user', 'username'],
]);

/** Options of the one DataSource that has the entities. */
const SHARED_ONLY = new Set([
  'entities',
  'subscribers',
  'migrations',
  'migrationsRun',
  'synchronize',
  'dropSchema',
  'cache',
  'autoLoadEntities',
  'routing',
  'consistency',
  'monitor',
  'cluster',
]);

const NO_SCHEME = "has no scheme: expected 'postgres://user:password@host/database'.";
const UNREADABLE =
  'is no url that node-postgres understands. Percent-encode special characters of the password, and give one host.';
const SEVERAL_HOSTS =
  'names several hosts, which node-postgres does not understand. Make each of them a node of its own.';
const PASSWORD_FUNCTION =
  'has no password, and node-postgres ignores a password function beside a url. Give host, port and database instead.';

/** Finds keys of a node that would have no effect. All that are not `ours` are TypeORM's or the driver's. */
export function checkNodeKeys(node: Place, type: unknown, ours: readonly string[]): void {
  for (const key of Object.keys(node.members)) {
    const meant = SLIPS.get(key) ?? (type === 'postgres' ? slipOfOurs(key, ours) : undefined);
    if (meant !== undefined) node.at(key).report(`unknown option. Did you mean ${meant}?`);
    if (SHARED_ONLY.has(key)) node.at(key).report('is shared by all nodes: move it out, to the top level.');
  }
  const own = node.at('type');
  if (own.value !== undefined && own.value !== type)
    own.report('all nodes have the same type: leave it out here and give it at the top level.');
}

/** Not of `name`, near which drivers have keys of their own. */
function slipOfOurs(key: string, ours: readonly string[]): string | undefined {
  const known = ours.filter((own) => own !== 'name');
  return ours.includes(key) ? undefined : didYouMean(key, known);
}

/**
 * Finds what the driver would not complain about, or not so that one understands it.
 * `inherited`: the shared options with the node's own over them.
 */
export function checkConnection(node: Place, inherited: UnknownRecord): void {
  const { url, host, port } = node.members;
  for (const key of ['url', 'host']) {
    const value = node.members[key];
    if (!url && !host && key in node.members)
      node.at(key).report(`is empty (${describeValue(value)}): is the environment variable set?`);
    else if (value && typeof value !== 'string')
      node.at(key).report(`expected a string, got ${describeKind(value)}.`);
  }
  if (Number.isNaN(port)) node.at('port').report('is NaN: is the environment variable set?');
  else if (port && !isPort(port))
    node.at('port').report(`expected the number of a port, got ${describeValue(port)}.`);
  if (url && typeof url === 'string' && inherited['type'] === 'postgres') {
    const problem = checkPostgresUrl(url, inherited);
    if (problem !== undefined) node.at('url').report(problem);
  }
}

/** The driver takes a text as well, as environment variables are. */
function isPort(port: unknown): boolean {
  return /^\d+$/.test(String(port)) && Number(port) < 65_536;
}

function checkPostgresUrl(text: string, inherited: UnknownRecord): string | undefined {
  if (/^\/|^socket:/.test(text)) return undefined;
  if (!text.includes('://')) return NO_SCHEME;
  const url = parseNodeUrl(text);
  if (!url) return UNREADABLE;
  if (url.host.includes(',')) return SEVERAL_HOSTS;
  return !url.password && typeof inherited['password'] === 'function' ? PASSWORD_FUNCTION : undefined;
}
