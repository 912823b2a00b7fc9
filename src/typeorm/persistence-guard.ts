import type { EntityManager } from 'typeorm';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import { markRefused, rejected } from '../context/mark-refused.js';
import type { RoutedCluster } from './routed-cluster.js';
import { roleOfManager } from './data-source-view.js';
import { sessionOf } from './routed-runner.js';

/** Decides over `save`, `remove`, `softRemove` and `recover` before they begin. */
export class PersistenceGuard {
  constructor(private readonly cluster: RoutedCluster) {}

  run(manager: EntityManager, method: string, persist: () => Promise<unknown>): Promise<unknown> {
    try {
      const { queryRunner } = manager;
      if (queryRunner) {
        sessionOf(queryRunner)?.prepareToWrite(`${method}()`);
        return markRefused(persist());
      }
      const scope = this.scopeToPersist(manager, method);
      return markRefused(scope ? storage.run(scope, persist) : persist());
    } catch (error) {
      return rejected(error);
    }
  }

  /** Refuses, or returns where to persist, if not here. */
  private scopeToPersist(manager: EntityManager, method: string): Scope | undefined {
    const { policy } = this.cluster;
    const want = this.cluster.wantNow(roleOfManager(manager));
    const onWrite = policy.judge(want);
    if (want.choice.intent === 'primary' || onWrite === 'allow') return undefined;
    if (onWrite === 'reject') throw policy.refuse(`${method}()`, want);
    policy.noteAfterwards(policy.promote(want, onWrite === 'promote-silently'));
    const { scope } = want;
    const explicit = { cluster: this.cluster.options.name, intent: 'primary' } as const;
    return scope && { unit: scope.unit, explicit, outer: scope };
  }
}
