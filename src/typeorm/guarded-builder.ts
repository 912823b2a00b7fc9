import {
  SelectQueryBuilder,
  type DataSource,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
} from 'typeorm';
import { markRefused } from '../context/mark-refused.js';
import { dataSourceOf, PIN, type Pinned } from './data-source-view.js';
import { overrideMethod } from './override-method.js';
import type { BuilderInternals } from './internals.js';
import { refusePersistence } from './persistence-guard.js';
import { readingBy } from './pinned-relations.js';

type Methods = Record<string, (this: unknown, ...args: unknown[]) => Promise<unknown>>;

/** What makes of a builder one that writes, and what executes that. */
const WRITES: Readonly<Record<string, readonly string[]>> = {
  insert: ['execute'],
  update: ['execute'],
  delete: ['execute'],
  softDelete: ['execute'],
  restore: ['execute'],
  relation: ['set', 'add', 'remove', 'addAndRemove'],
};

/**
 * A builder of selects; of the builders that it makes for writes, what is refused need not be awaited. TypeORM makes those
 * by a registry that all DataSources share, so they are seen to where they are asked for.
 */
class GuardedSelectQueryBuilder<Entity extends ObjectLiteral> extends SelectQueryBuilder<Entity> {}

/** The arguments of `DataSource.createQueryBuilder`. */
export type Asked<Entity extends ObjectLiteral> = readonly [
  entityOrRunner?: EntityTarget<Entity> | QueryRunner,
  alias?: string,
  queryRunner?: QueryRunner,
];

/**
 * What `DataSource.createQueryBuilder` answers, as a guarded builder; its clones and subqueries are guarded, too. One whose
 * alias TypeORM would shorten is made by TypeORM, and becomes a guarded one afterwards, which is slower.
 */
export function createGuardedBuilder<Entity extends ObjectLiteral>(
  dataSource: DataSource,
  create: () => SelectQueryBuilder<Entity>,
  [entityOrRunner, alias, queryRunner]: Asked<Entity>,
): SelectQueryBuilder<Entity> {
  if (!alias) return new GuardedSelectQueryBuilder(dataSource, entityOrRunner as QueryRunner | undefined);
  if (alias.length > (dataSource.driver.maxAliasLength ?? Infinity))
    return Object.setPrototypeOf(create(), GuardedSelectQueryBuilder.prototype) as SelectQueryBuilder<Entity>;
  const { target } = dataSource.getMetadata(entityOrRunner as EntityTarget<Entity>);
  return new GuardedSelectQueryBuilder<Entity>(dataSource, queryRunner)
    .select(alias)
    .from(target as EntityTarget<Entity>, alias);
}

overrideMethod(GuardedSelectQueryBuilder, 'executeEntitiesAndRawResults', (builder, load, args) => {
  if ((builder as unknown as BuilderInternals).findOptions?.loadRelationIds?.disableMixedMap)
    refusePersistence(args[0] as QueryRunner);
  const view: DataSource & Pinned = dataSourceOf(builder as never);
  return view[PIN] ? readingBy(view, () => load.apply(builder, args)) : load.apply(builder, args);
});
overrideMethod(GuardedSelectQueryBuilder, 'execute', (builder, execute, args) =>
  markRefused(execute.apply(builder, args) as Promise<unknown>),
);
for (const [kind, executing] of Object.entries(WRITES)) {
  overrideMethod(GuardedSelectQueryBuilder, kind, (selecting, write, args) => {
    const builder = write.apply(selecting, args) as Methods;
    for (const name of executing) markMethod(builder, name);
    return builder;
  });
}

function markMethod(builder: Methods, name: string): void {
  const execute = builder[name] as Methods[string];
  const marked: Methods[string] = function (...args) {
    return markRefused(execute.apply(this, args));
  };
  builder[name] = marked;
}
