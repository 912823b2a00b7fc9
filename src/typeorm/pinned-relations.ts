import type { DataSource, QueryRunner } from 'typeorm';
import type { Intent } from '../routing/route.js';
import type { ManagerInternals } from './internals.js';
import { SESSION, type RoutedRunner } from './session-state.js';

type Loader = DataSource['relationLoader'];

/** A DataSource that has views. */
interface Viewed extends DataSource {
  pinned(intent: Intent): DataSource;
}

/**
 * What hangs on an entity is read like the entity, however late: lazy relations of what `.primary`, `.replica`,
 * `usePrimary()` or `useReplica()` have read. TypeORM knows only the query runner, which is released by then.
 */
export function pinRelations(dataSource: Viewed): void {
  const { relationLoader } = dataSource;
  const { enableLazyLoad } = relationLoader;
  relationLoader.enableLazyLoad = (relation, entity, runner) => {
    const pin = runner && pinOf(runner);
    const loader = pin ? dataSource.pinned(pin).relationLoader : relationLoader;
    enableLazyLoad.call(loader, relation, entity, runner);
  };
}

/** The loader of a view: TypeORM's, which asks the view for its connections. */
export function createLoader(view: DataSource): Loader {
  const { relationLoader } = view;
  const key: keyof ManagerInternals<DataSource> =
    'dataSource' in relationLoader ? 'dataSource' : 'connection';
  return Object.create(relationLoader, { [key]: { value: view } }) as Loader;
}

/** The role that the code around a query, or its view, has asked for. */
function pinOf(runner: QueryRunner): Intent | undefined {
  const want = (runner as Partial<RoutedRunner>)[SESSION]?.want;
  return want?.isPinned || want?.choice.reason === 'explicit' ? want.choice.intent : undefined;
}
