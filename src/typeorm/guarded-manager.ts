import { EntityManager, type DataSource, type QueryRunner } from 'typeorm';
import type { PersistenceGuard } from './persistence-guard.js';

type Persist = (...args: unknown[]) => Promise<unknown>;
const PERSISTENCE = ['save', 'remove', 'softRemove', 'recover'] as const;

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

for (const method of PERSISTENCE) {
  // The overloads of these four say nothing that matters here: all arguments are passed on as they are.
  Object.defineProperty(GuardedEntityManager.prototype, method, {
    configurable: true,
    writable: true,
    value(this: GuardedEntityManager, ...args: unknown[]): Promise<unknown> {
      // Looked up now, since other libraries put methods of their own into TypeORM's prototype.
      const persist = EntityManager.prototype[method] as Persist;
      const guard = this['guard']();
      return guard ? guard.run(this, method, () => persist.apply(this, args)) : persist.apply(this, args);
    },
  });
}
