import type { EntityManager } from 'typeorm';
import { storage } from '../context/storage.js';
import type { RoutedCluster } from './routed-cluster.js';
import { pinOf } from './pin.js';
import { refusal } from './refusal.js';
import { sessionOf } from './routed-runner.js';

/** Decides over `save`, `remove`, `softRemove` and `recover` before they begin. */
export class PersistenceGuard {
  constructor(private readonly cluster: RoutedCluster) {}

  async run(manager: EntityManager, method: string, persist: () => Promise<unknown>): Promise<unknown> {
    if (manager.queryRunner) {
      await sessionOf(manager.queryRunner)?.prepareToWrite(`${method}()`);
      return persist();
    }
    const want = this.cluster.wantNow(pinOf(manager));
    const onWrite = this.cluster.onWrite(want);
    if (want.choice.intent === 'primary' || onWrite === 'allow') return persist();
    if (onWrite === 'reject') {
      this.cluster.router.countRefusedWrite();
      throw refusal(`${method}()`, want);
    }
    this.cluster.promote(want, onWrite === 'promote-silently');
    const { scope } = want;
    if (!scope) return persist();
    return storage.run(
      { unit: scope.unit, explicit: { cluster: this.cluster.options.name, intent: 'primary' }, outer: scope },
      persist,
    );
  }
}
