import type { DataSource } from 'typeorm';
import { storage } from '../context/storage.js';
import type { Intent } from '../routing/route.js';
import { ConnectionSelector } from '../typeorm/connection-selector.js';
import { RoutedDataSource } from '../typeorm/routed-data-source.js';
import type { ComposedCluster } from './composition/compose-cluster.js';

/** The selector of a cluster. */
export function createSelector(
  dataSource: DataSource,
  { cluster, routed, tokens, requirements }: ComposedCluster,
): ConnectionSelector {
  return new ConnectionSelector({
    name: cluster.name,
    peek(): Intent {
      const want = routed.router.wantOf(storage.getStore(), undefined);
      return routed.rollout.modeOf(want) === 'route' && cluster.nodes.length > 1
        ? want.choice.intent
        : 'primary';
    },
    dataSource: (intent) => pinnedDataSource(dataSource, intent),
    async token() {
      const unit = storage.getStore()?.unit;
      if (unit) await requirements.read(unit.on(cluster.name));
      return tokens.tokenOf(unit);
    },
  });
}

/** A DataSource with one role; one that is not routed serves both. */
export function pinnedDataSource(dataSource: DataSource, intent: Intent): DataSource {
  return dataSource instanceof RoutedDataSource ? dataSource.pinned(intent) : dataSource;
}
