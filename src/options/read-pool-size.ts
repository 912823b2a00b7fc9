import { describeValue } from './describe-value.js';
import type { NodeReading } from './resolve-node.js';
import { isRecord, type UnknownRecord } from './section.js';

/** How many connections a pool may open, and where that can be changed. */
export interface PoolSize {
  readonly size: number;
  readonly path: string;
}

/** node-postgres' own. */
const DEFAULT_SIZE = 10;

/** The size of the primary's pool, in the drivers' order: `extra.max` wins over `poolSize`, the node over the shared. */
export function readPoolSize({ section }: NodeReading, shared: UnknownRecord): PoolSize {
  const places: readonly (readonly [string, unknown])[] = [
    [section.pathOf('extra.max'), maxOf(section.values)],
    [section.pathOf('poolSize'), section.values['poolSize']],
    ['extra.max', maxOf(shared)],
    ['poolSize', shared['poolSize']],
  ];
  const place = places.find(([, value]) => value !== undefined);
  if (place === undefined) return { size: DEFAULT_SIZE, path: section.pathOf('poolSize') };
  const [path, value] = place;
  if (typeof value === 'number' && value >= 1 && Number.isFinite(value)) return { size: value, path };
  section.findings.add(path, `expected a number of connections, 1 or more, got ${describeValue(value)}.`);
  return { size: DEFAULT_SIZE, path };
}

function maxOf(options: UnknownRecord): unknown {
  return isRecord(options['extra']) ? options['extra']['max'] : undefined;
}
