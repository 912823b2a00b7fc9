import { EntityManager, type DataSource, type QueryRunner } from 'typeorm';
import { markRefused } from '../context/mark-refused.js';
import { overrideMethod } from './override-method.js';
import type { PersistenceGuard } from './persistence-guard.js';

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

for (const name of PERSISTENCE) {
  overrideMethod(GuardedEntityManager, name, (manager, call) => {
    const persist = call as () => Promise<unknown>;
    return manager['guard']()?.run(manager, name, persist) ?? persist();
  });
}
for (const name of OTHER_WRITES) {
  overrideMethod(GuardedEntityManager, name, (manager, call) => {
    const answer = call() as Promise<unknown>;
    return manager['guard']() ? markRefused(answer) : answer;
  });
}
