import type { DriverRules } from './driver-rules.js';
import type { DriverOptions } from '../resolved-options.js';
import { isRecord, type UnknownRecord } from '../place.js';

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
export function mergeDriverOptions(
  shared: UnknownRecord,
  own: UnknownRecord,
  rules: DriverRules,
): DriverOptions {
  const merged: Record<string, unknown> = { ...shared, ...own };
  if (own['host'] && !own['url']) delete merged['url'];
  if (isRecord(merged['extra'])) merged['extra'] = Object.freeze(mergeExtra(shared['extra'], own, rules));
  return Object.freeze(rules.complete(merged));
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
function mergeExtra(
  shared: unknown,
  own: UnknownRecord,
  { synonymsInExtra }: DriverRules,
): Record<string, unknown> {
  const extra: Record<string, unknown> = isRecord(shared) ? { ...shared } : {};
  for (const [option, synonyms] of synonymsInExtra)
    if (own[option] !== undefined) for (const synonym of synonyms) delete extra[synonym];
  return { ...extra, ...(isRecord(own['extra']) ? own['extra'] : {}) };
}
