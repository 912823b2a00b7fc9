import { describeKind, describeValue } from './describe-value.js';
import { didYouMean } from './did-you-mean.js';
import type { DriverRules } from './driver/driver-rules.js';
import { isRecord, type Place, type UnknownRecord } from './place.js';

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
  'onConnect',
]);

/** What the keys of a node are checked against. */
export interface NodeKeys {
  readonly type: unknown;
  /** Whether the driver is known here: then all that is near an option of ours is a slip. */
  readonly isKnownDriver: boolean;
  readonly ours: readonly string[];
}

/** Finds keys of a node that would have no effect. All that are not `ours` are TypeORM's or the driver's. */
export function checkNodeKeys(node: Place, { type, isKnownDriver, ours }: NodeKeys): void {
  for (const key of Object.keys(node.members)) {
    const meant = SLIPS.get(key) ?? (isKnownDriver ? slipOfOurs(key, ours) : undefined);
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
export function checkConnection(node: Place, inherited: UnknownRecord, rules: DriverRules): void {
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
  const problem = url && typeof url === 'string' ? rules.checkUrl(url, inherited) : undefined;
  if (problem !== undefined) node.at('url').report(problem);
  for (const [key, why] of isRecord(inherited['extra']) ? rules.refusedExtra(inherited['extra']) : [])
    node.at('extra').at(key).report(why);
}

/** The driver takes a text as well, as environment variables are. */
function isPort(port: unknown): boolean {
  return /^\d+$/.test(String(port)) && Number(port) < 65_536;
}
