import type { DataSource, EntityManager } from 'typeorm';
import type { ManagerInternals } from './internals.js';
import { createLoader } from './pinned-relations.js';
import type { FallbackReason, Intent } from '../routing/route.js';

/** Where a view keeps its role. */
export const PIN: unique symbol = Symbol.for('nestjs-replicated.pin');

/** Where it keeps what {@link Pinned} says of it. */
export const FALLBACK: unique symbol = Symbol.for('nestjs-replicated.fallback');

/** What may be pinned to a role. */
export interface Pinned {
  readonly [PIN]?: Intent;
  /** Why what it reads with replica intent is read on the primary. */
  readonly [FALLBACK]?: FallbackReason;
}

type Method = (...args: unknown[]) => unknown;
const LIFECYCLE = ['initialize', 'destroy', 'setOptions'] as const;

/** The DataSource of a manager: `dataSource` in TypeORM 1.x, `connection` in 0.3. */
export function dataSourceOf(manager: EntityManager): DataSource {
  const { dataSource, connection } = manager as unknown as ManagerInternals<DataSource>;
  return (dataSource ?? connection) as DataSource;
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
  Object.defineProperty(view, PIN, { value: intent });
  Object.defineProperty(view, FALLBACK, { value: fallback });
  Object.defineProperty(view, 'manager', { value: view.createEntityManager() });
  Object.defineProperty(view, 'relationLoader', { value: createLoader(view) });
  // What changes the state of a DataSource must reach the original, not a property of the view.
  for (const method of LIFECYCLE)
    Object.defineProperty(view, method, { value: (dataSource[method] as Method).bind(dataSource) });
  return view;
}
