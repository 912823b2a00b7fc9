import { describeKind, describeValue } from './describe-value.js';
import { didYouMean } from './did-you-mean.js';
import { parseNodeUrl } from './driver/node-address.js';
import type { Section, UnknownRecord } from './section.js';

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

const OURS = ['weight', 'endpoint', 'readOnly'];

const UNREADABLE =
  'is no url that node-postgres understands. Percent-encode special characters of the password, and give one host.';
const SEVERAL_HOSTS =
  'names several hosts, which node-postgres does not understand. Make each of them a node of its own.';
const PASSWORD_FUNCTION =
  'has no password, and node-postgres ignores a password function beside a url. Give host, port and database instead.';

/** Finds keys of a node that would have no effect. All others are TypeORM's or the driver's. */
export function checkNodeKeys(node: Section, type: unknown): void {
  for (const key of Object.keys(node.values)) {
    const meant = SLIPS.get(key) ?? (type === 'postgres' ? slipOfOurs(key) : undefined);
    if (meant !== undefined) node.refuse(key, `unknown option. Did you mean ${meant}?`);
    if (SHARED_ONLY.has(key)) node.refuse(key, 'is shared by all nodes: move it out, to the top level.');
  }
  if (node.raw('type') !== undefined && node.raw('type') !== type)
    node.refuse('type', 'all nodes have the same type: leave it out here and give it at the top level.');
}

function slipOfOurs(key: string): string | undefined {
  return OURS.includes(key) ? undefined : didYouMean(key, OURS);
}

/**
 * Finds what the driver would not complain about, or not so that one understands it.
 * `inherited`: the shared options with the node's own over them.
 */
export function checkConnection(node: Section, inherited: UnknownRecord): void {
  const { url, host, port } = node.values;
  if (!url && !host)
    for (const key of ['url', 'host'])
      if (key in node.values)
        node.refuse(key, `is empty (${describeValue(node.values[key])}): is the environment variable set?`);
  for (const key of ['url', 'host'])
    if (node.values[key] && typeof node.values[key] !== 'string')
      node.refuse(key, `expected a string, got ${describeKind(node.values[key])}.`);
  if (Number.isNaN(port)) node.refuse('port', 'is NaN: is the environment variable set?');
  else if (port && !isPort(port))
    node.refuse('port', `expected the number of a port, got ${describeValue(port)}.`);
  if (url && typeof url === 'string' && inherited['type'] === 'postgres')
    checkPostgresUrl(node, url, inherited);
}

/** The driver takes a text as well, as environment variables are. */
function isPort(port: unknown): boolean {
  return /^\d+$/.test(String(port)) && Number(port) < 65_536;
}

function checkPostgresUrl(node: Section, text: string, inherited: UnknownRecord): void {
  if (/^\/|^socket:/.test(text)) return;
  const url = parseNodeUrl(text);
  if (!text.includes('://'))
    node.refuse('url', "has no scheme: expected 'postgres://user:password@host/database'.");
  else if (!url) node.refuse('url', UNREADABLE);
  else if (url.host.includes(',')) node.refuse('url', SEVERAL_HOSTS);
  else if (!url.password && typeof inherited['password'] === 'function')
    node.refuse('url', PASSWORD_FUNCTION);
}
