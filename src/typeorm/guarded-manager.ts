import { EntityManager } from 'typeorm';
import { markRefused, rejected } from '../context/mark-refused.js';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import { dataSourceOf, PIN, type Pinned } from './data-source-view.js';
import { overrideMethod } from './override-method.js';
import type { RoutedCluster } from './routed-cluster.js';
import { prepareToWrite, revive } from './session-recovery.js';
import { SESSION, type RoutedRunner } from './session-state.js';

const PERSISTENCE = ['save', 'remove', 'softRemove', 'recover'] as const;
/** What else may be refused, by the database. All of it, and nothing on the way of `find`. */
const OTHER_WRITES =
  'insert update updateAll upsert delete deleteAll softDelete restore increment decrement clear query sql transaction'.split(
    ' ',
  );

/** A DataSource whose managers are guarded while it is active. */
interface Guarding extends Pinned {
  readonly isActive: boolean;
  readonly composed: { readonly routed: RoutedCluster };
}

/**
 * An entity manager that refuses persistence under replica intent before any listener, subscriber or query has run.
 * `save()` on a lagging replica may find that nothing has changed and succeed without writing, and `beforeInsert`
 * listeners may already have changed the entity when the database refuses.
 */
export class GuardedEntityManager extends EntityManager {}

for (const name of PERSISTENCE) {
  overrideMethod(GuardedEntityManager, name, (manager, persist, args) => {
    const dataSource = dataSourceOf(manager) as unknown as Guarding;
    if (!dataSource.isActive) return persist.apply(manager, args);
    try {
      const scope = scopeToPersist(manager, dataSource, `${name}()`);
      const answer = scope
        ? storage.run(scope, () => persist.apply(manager, args))
        : persist.apply(manager, args);
      return markRefused(answer as Promise<unknown>);
    } catch (error) {
      return rejected(error);
    }
  });
}
for (const name of OTHER_WRITES) {
  overrideMethod(GuardedEntityManager, name, (manager, write, args) => {
    // TypeORM asks the runner before it is asked for a connection.
    if (manager.queryRunner?.isReleased) revive(manager.queryRunner);
    const answer = write.apply(manager, args) as Promise<unknown>;
    return (dataSourceOf(manager) as unknown as Guarding).isActive ? markRefused(answer) : answer;
  });
}

/** Refuses, or returns where to persist, if not here. */
function scopeToPersist(
  { queryRunner }: EntityManager,
  { composed: { routed }, [PIN]: pin }: Guarding,
  statement: string,
): Scope | undefined {
  if (queryRunner) {
    const session = (queryRunner as Partial<RoutedRunner>)[SESSION];
    if (session) prepareToWrite(session, statement);
    return undefined;
  }
  const want = routed.router.wantOf(storage.getStore(), pin);
  if (want.choice.intent === 'primary') return undefined;
  const { policy, options } = routed;
  const onWrite = policy.judge(want);
  if (onWrite === 'allow') return undefined;
  if (onWrite === 'reject') throw policy.refuse(statement, want);
  policy.noteAfterwards(policy.promote(want, onWrite === 'promote-silently'));
  const { scope } = want;
  return scope && { unit: scope.unit, explicit: { cluster: options.name, intent: 'primary' }, outer: scope };
}
