import {
  SelectQueryBuilder,
  type DataSource,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
} from 'typeorm';
import { markRefused } from '../context/mark-refused.js';
import { overrideMethod } from './override-method.js';

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

type Asked = readonly [entityOrRunner?: unknown, alias?: string, queryRunner?: QueryRunner];

/**
 * What `DataSource.createQueryBuilder` answers, as a guarded builder; its clones and subqueries are guarded, too. One whose
 * alias TypeORM would shorten is made by TypeORM, and becomes a guarded one afterwards, which is slower.
 */
export function createGuardedBuilder(
  dataSource: DataSource,
  create: () => unknown,
  [entityOrRunner, alias, queryRunner]: Asked,
): unknown {
  if (!alias) return new GuardedSelectQueryBuilder(dataSource, entityOrRunner as QueryRunner | undefined);
  if (alias.length > (dataSource.driver.maxAliasLength ?? Infinity))
    return Object.setPrototypeOf(create(), GuardedSelectQueryBuilder.prototype);
  const { target } = dataSource.getMetadata(entityOrRunner as EntityTarget<ObjectLiteral>);
  return new GuardedSelectQueryBuilder(dataSource, queryRunner).select(alias).from(target, alias);
}

overrideMethod(GuardedSelectQueryBuilder, 'execute', (_builder, call) =>
  markRefused(call() as Promise<unknown>),
);
for (const [kind, executing] of Object.entries(WRITES)) {
  overrideMethod(GuardedSelectQueryBuilder, kind, (_builder, call) => {
    const builder = call() as Methods;
    for (const name of executing) markMethod(builder, name);
    return builder;
  });
}

function markMethod(builder: Methods, name: string): void {
  const execute = builder[name] as Methods[string];
  const marked: Methods[string] = function (...args) {
    return markRefused(execute.apply(this, args));
  };
  Object.defineProperty(builder, name, { value: marked, configurable: true, writable: true });
}
