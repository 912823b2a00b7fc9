import type { Engine } from '../engine.js';
import { InvalidOptionsError } from '../errors.js';
import { describeValue } from '../options/describe-value.js';
import type { KnownDrivers } from '../options/driver/driver-rules.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { cockroachdb } from './cockroachdb/cockroachdb.js';
import { mysql } from './mysql/mysql.js';
import { postgres } from './postgres/postgres.js';
import { sqlite } from './sqlite/sqlite.js';
import { unrouted } from './unrouted.js';
import { WITHOUT_ENGINE } from './without-engine.js';

/** By TypeORM's `type`. The published package loads those that are asked for: `scripts/load-when-used.mjs`. */
const ENGINES: ReadonlyMap<unknown, () => Engine> = new Map([
  ['postgres', () => postgres],
  ['mysql', () => mysql],
  ['mariadb', () => mysql],
  ['cockroachdb', () => cockroachdb],
  ['better-sqlite3', () => sqlite],
]);

const engineOf = (type: unknown): Engine => ENGINES.get(type)?.() ?? unrouted;

/** What the options of TypeORM are checked and completed by. */
export const drivers: KnownDrivers = {
  rulesOf: (type) => engineOf(type).driverRules,
  isKnown: (type) => ENGINES.has(type),
  whyNoReplicas(type) {
    if (ENGINES.has(type)) return undefined;
    const known = [...ENGINES.keys()].map((name) => `'${String(name)}'`).join(', ');
    const why = WITHOUT_ENGINE.get(type);
    const said = why === undefined ? '' : ` ${why}.`;
    return `only ${known} can have replicas for now, got ${describeValue(type)}. Write replicas: [].${said}`;
  },
};

/**
 * The engine of a cluster. Without replicas any `type` of TypeORM will do.
 *
 * @throws InvalidOptionsError for replicas of a database that is not known here.
 */
export function createEngine({ type, replicas }: Pick<ResolvedOptions, 'type' | 'replicas'>): Engine {
  const message = replicas.length === 0 ? undefined : drivers.whyNoReplicas(type);
  if (message !== undefined) throw new InvalidOptionsError([{ path: 'type', message }]);
  return engineOf(type);
}
