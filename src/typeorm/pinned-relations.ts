import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource } from 'typeorm';
import { explicitIntent } from '../context/scope.js';
import { storage } from '../context/storage.js';
import type { Intent } from '../routing/route.js';
import type { ManagerInternals } from './internals.js';

type Loader = DataSource['relationLoader'];

/** A DataSource that has views. */
interface Viewed extends DataSource {
  pinned(intent: Intent): DataSource;
}

/** The view that is reading at the moment. TypeORM makes entities in one go. */
const reading = new AsyncLocalStorage<DataSource>();

/** Runs what makes the entities that a view has read. */
export function readingBy<T>(view: DataSource, fn: () => T): T {
  return reading.run(view, fn);
}

/**
 * What hangs on an entity is read like the entity, however late: lazy relations of what `.primary`, `.replica`,
 * `.orPrimary` on the primary, `usePrimary()` or `useReplica()` have read.
 */
export function pinRelations(dataSource: Viewed, cluster: string): void {
  const { relationLoader } = dataSource;
  const { enableLazyLoad } = relationLoader;
  relationLoader.enableLazyLoad = (relation, entity, runner) => {
    const scope = storage.getStore();
    const pin = scope && explicitIntent(scope, cluster);
    const view = reading.getStore() ?? (pin && dataSource.pinned(pin));
    enableLazyLoad.call(view?.relationLoader ?? relationLoader, relation, entity, runner);
  };
}

/** The loader of a view: TypeORM's, which asks the view for its connections. */
export function createLoader(view: DataSource): Loader {
  const { relationLoader } = view;
  const key: keyof ManagerInternals<DataSource> =
    'dataSource' in relationLoader ? 'dataSource' : 'connection';
  return Object.create(relationLoader, { [key]: { value: view } }) as Loader;
}
