import { SelectQueryBuilder, type ObjectLiteral } from 'typeorm';
import { markRefused } from '../context/mark-refused.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Methods = Record<string, Method>;

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

/** A fresh builder, as a guarded one; its clones and subqueries are guarded, too. */
export function guardBuilder<Entity extends ObjectLiteral>(
  builder: SelectQueryBuilder<Entity>,
): SelectQueryBuilder<Entity> {
  return Object.setPrototypeOf(builder, GuardedSelectQueryBuilder.prototype) as SelectQueryBuilder<Entity>;
}

const select = SelectQueryBuilder.prototype as unknown as Methods;
for (const [kind, executing] of Object.entries(WRITES)) {
  override(kind, function (this: unknown, ...args: unknown[]) {
    const builder = (select[kind] as Method).apply(this, args) as Methods;
    for (const name of executing) mark(builder, name, builder[name] as Method);
    return builder;
  });
}
mark(GuardedSelectQueryBuilder.prototype, 'execute', function (...args) {
  return (select['execute'] as Method).apply(this, args);
});

function mark(target: object, name: string, execute: Method): void {
  const marked: Method = function (...args) {
    return markRefused(execute.apply(this, args) as Promise<unknown>);
  };
  Object.defineProperty(target, name, { value: marked, configurable: true, writable: true });
}

function override(name: string, value: Method): void {
  Object.defineProperty(GuardedSelectQueryBuilder.prototype, name, {
    value,
    configurable: true,
    writable: true,
  });
}
