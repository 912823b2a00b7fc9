import type { DataSource, EntityManager } from 'typeorm';
import type { FallbackReason, Intent } from '../routing/route.js';

const KEY = Symbol.for('nestjs-replicated.pin');

const FALLBACK = Symbol.for('nestjs-replicated.fallback');

interface Pinned {
  readonly [KEY]?: Intent;
  readonly [FALLBACK]?: FallbackReason;
}

type Method = (...args: unknown[]) => unknown;
const LIFECYCLE = ['initialize', 'destroy', 'setOptions'] as const;

/** The DataSource of a manager: `dataSource` in TypeORM 1.x, `connection` in 0.3. */
export function dataSourceOf(manager: EntityManager): DataSource {
  const { dataSource, connection } = manager as unknown as {
    dataSource?: DataSource;
    connection?: DataSource;
  };
  return (dataSource ?? connection) as DataSource;
}

/** The role that a manager, by its DataSource, is pinned to. */
export function roleOfManager(manager: EntityManager): Intent | undefined {
  return roleOfView(dataSourceOf(manager));
}

export function roleOfView(dataSource: DataSource): Intent | undefined {
  return (dataSource as Pinned)[KEY];
}

/** Why what a view reads with replica intent is read on the primary. */
export function fallbackOfView(dataSource: DataSource): FallbackReason | undefined {
  return (dataSource as Pinned)[FALLBACK];
}

/**
 * The same DataSource with one role: metadata, subscribers, options and all else are the original's, and only the
 * connections it gives out differ.
 */
export function createView<D extends DataSource>(
  dataSource: D,
  intent: Intent,
  fallback?: FallbackReason,
): D {
  const view = Object.create(dataSource) as D;
  Object.defineProperty(view, KEY, { value: intent });
  Object.defineProperty(view, FALLBACK, { value: fallback });
  Object.defineProperty(view, 'manager', { value: view.createEntityManager() });
  // What changes the state of a DataSource must reach the original, not a property of the view.
  for (const method of LIFECYCLE)
    Object.defineProperty(view, method, { value: (dataSource[method] as Method).bind(dataSource) });
  return view;
}
