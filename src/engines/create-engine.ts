import type { Engine } from '../engine.js';
import { InvalidOptionsError } from '../errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { mysql } from './mysql/mysql.js';
import { postgres } from './postgres/postgres.js';
import { unrouted } from './unrouted.js';

/** By TypeORM's `type`. */
const ENGINES: ReadonlyMap<string, Engine> = new Map([
  ['postgres', postgres],
  ['mysql', mysql],
  ['mariadb', mysql],
]);

/**
 * The engine of a cluster. Without replicas any `type` of TypeORM will do.
 *
 * @throws InvalidOptionsError for replicas of a database that is not known here.
 */
export function createEngine({ type, replicas }: Pick<ResolvedOptions, 'type' | 'replicas'>): Engine {
  const engine = ENGINES.get(type);
  if (engine) return engine;
  if (replicas.length === 0) return unrouted;
  const known = [...ENGINES.keys()].map((name) => `'${name}'`).join(', ');
  const message = `only ${known} can have replicas for now, got ${JSON.stringify(type)}. Write replicas: [].`;
  throw new InvalidOptionsError([{ path: 'type', message }]);
}
