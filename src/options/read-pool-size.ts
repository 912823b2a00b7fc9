import { describeValue } from './describe-value.js';
import type { Place } from './place.js';

/** How many connections a pool may open, and where that can be changed. */
export interface PoolSize {
  readonly size: number;
  readonly path: string;
}

/** Of node-postgres and mysql2. */
const DEFAULT_SIZE = 10;

/** The size of the primary's pool, in the drivers' order: `extra` wins over `poolSize`, the node over the shared. */
export function readPoolSize(
  primary: Place,
  root: Place,
  { poolSizeInExtra }: { readonly poolSizeInExtra: string },
): PoolSize {
  const places = [primary, root].flatMap((place) => [
    place.at('extra').at(poolSizeInExtra),
    place.at('poolSize'),
  ]);
  const place = places.find(({ value }) => value !== undefined) ?? primary.at('poolSize');
  const { path, value = DEFAULT_SIZE } = place;
  if (typeof value === 'number' && value >= 1 && Number.isFinite(value)) return { size: value, path };
  place.refuse(`expected a number of connections, 1 or more, got ${describeValue(value)}.`);
  return { size: DEFAULT_SIZE, path };
}
