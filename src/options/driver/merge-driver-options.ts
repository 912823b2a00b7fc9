import { parseNodeUrl } from './node-address.js';
import type { DriverOptions } from '../resolved-options.js';
import { isRecord, type UnknownRecord } from '../place.js';

/** Names that drivers give, in `extra`, to options of TypeORM's. */
const SYNONYMS_IN_EXTRA = new Map([
  ['poolSize', ['max']],
  ['connectTimeoutMS', ['connectionTimeoutMillis']],
  ['applicationName', ['application_name']],
  ['ssl', ['ssl']],
]);

/** What only the DataSource with the entities does. */
const WITHOUT_ENTITIES = {
  entities: Object.freeze([]),
  subscribers: Object.freeze([]),
  migrations: Object.freeze([]),
  synchronize: false,
  migrationsRun: false,
  dropSchema: false,
  installExtensions: false,
  cache: false,
};

/** The shared options of TypeORM with a node's own over them, frozen. The caller's objects stay as they are. */
export function mergeDriverOptions(shared: UnknownRecord, own: UnknownRecord): DriverOptions {
  const merged: Record<string, unknown> = { ...shared, ...own };
  if (own['host'] && !own['url']) delete merged['url'];
  if (isRecord(merged['extra'])) merged['extra'] = Object.freeze(mergeExtra(shared['extra'], own));
  return Object.freeze(merged['type'] === 'postgres' ? completeUrl(merged) : merged);
}

/** Options for a DataSource that has a node's connections and nothing else. */
export function withoutEntities(driver: DriverOptions): DriverOptions {
  const { extensions: _extensions, name: _name, ...rest } = driver;
  return Object.freeze({ ...rest, ...WITHOUT_ENTITIES });
}

/** Options for the DataSource with the entities, written for one node, when another one is dialled in its place. */
export function dialledAt(
  other: DriverOptions,
  options: DriverOptions,
  instead: DriverOptions,
): DriverOptions {
  const kept = Object.entries(options).filter(([key]) => key in other || !(key in instead));
  const own = Object.entries(other).filter(([key]) => !(key in WITHOUT_ENTITIES));
  return Object.fromEntries([...kept, ...own]);
}

/** TypeORM lets `extra` win over its own options; a node's own option must win over the shared `extra`. */
function mergeExtra(shared: unknown, own: UnknownRecord): Record<string, unknown> {
  const extra: Record<string, unknown> = isRecord(shared) ? { ...shared } : {};
  for (const [option, synonyms] of SYNONYMS_IN_EXTRA)
    if (own[option] !== undefined) for (const synonym of synonyms) delete extra[synonym];
  return { ...extra, ...(isRecord(own['extra']) ? own['extra'] : {}) };
}

/**
 * Beside a url node-postgres ignores host, port, username, password and database, so that shared credentials would
 * have no effect: what the url leaves out is written into it.
 */
function completeUrl(merged: Record<string, unknown>): Record<string, unknown> {
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
