import { EntityManager, type DataSource, type QueryRunner } from 'typeorm';
import { markRefused } from '../context/mark-refused.js';
import type { PersistenceGuard } from './persistence-guard.js';

type Call = (...args: unknown[]) => Promise<unknown>;
const PERSISTENCE = ['save', 'remove', 'softRemove', 'recover'] as const;
/** What else may be refused, by the database. All of it, and nothing on the way of `find`. */
const OTHER_WRITES =
  'insert update updateAll upsert delete deleteAll softDelete restore increment decrement clear query sql transaction'.split(
    ' ',
  );

/**
 * An entity manager that refuses persistence under replica intent before any listener, subscriber or query has run.
 * `save()` on a lagging replica may find that nothing has changed and succeed without writing, and `beforeInsert`
 * listeners may already have changed the entity when the database refuses.
 */
export class GuardedEntityManager extends EntityManager {
  constructor(
    dataSource: DataSource,
    queryRunner: QueryRunner | undefined,
    private readonly guard: () => PersistenceGuard | undefined,
  ) {
    super(dataSource, queryRunner);
  }
}

/** Puts `around` in place of a method. Its overloads say nothing that matters here: all arguments are passed on as they are. */
function guardMethod(
  method: string,
  around: (guard: PersistenceGuard, manager: GuardedEntityManager, call: () => Promise<unknown>) => unknown,
): void {
  const methods = EntityManager.prototype as unknown as Record<string, Call | undefined>;
  if (!methods[method]) return; // Not in this version of TypeORM.
  Object.defineProperty(GuardedEntityManager.prototype, method, {
    configurable: true,
    writable: true,
    value(this: GuardedEntityManager, ...args: unknown[]): unknown {
      // Looked up now, since other libraries put methods of their own into TypeORM's prototype.
      const call = (): Promise<unknown> => (methods[method] as Call).apply(this, args);
      const guard = this['guard']();
      return guard ? around(guard, this, call) : call();
    },
  });
}

for (const method of PERSISTENCE)
  guardMethod(method, (guard, manager, call) => guard.run(manager, method, call));
for (const method of OTHER_WRITES) guardMethod(method, (_guard, _manager, call) => markRefused(call()));
