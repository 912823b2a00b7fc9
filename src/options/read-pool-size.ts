import { describeValue } from './describe-value.js';
import type { Place } from './place.js';

/** How many connections a pool may open, and where that can be changed. */
export interface PoolSize {
  readonly size: number;
  readonly path: string;
}

/** node-postgres' own. */
const DEFAULT_SIZE = 10;

/** The size of the primary's pool, in the drivers' order: `extra.max` wins over `poolSize`, the node over the shared. */
export function readPoolSize(primary: Place, root: Place): PoolSize {
  const places = [primary, root].flatMap((place) => [place.at('extra').at('max'), place.at('poolSize')]);
  const place = places.find(({ value }) => value !== undefined) ?? primary.at('poolSize');
  const { path, value = DEFAULT_SIZE } = place;
  if (typeof value === 'number' && value >= 1 && Number.isFinite(value)) return { size: value, path };
  place.report(`expected a number of connections, 1 or more, got ${describeValue(value)}.`);
  return { size: DEFAULT_SIZE, path };
}
