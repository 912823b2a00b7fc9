import type { DataSource } from 'typeorm';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import type { ConnectionSelector } from '../typeorm/connection-selector.js';
import { createDataSource } from './composition/create-data-source.js';
import { createSelector } from './create-selector.js';
import type { ReplicatedModuleOptions } from './replicated-options.js';

/** A DataSource whose queries follow the route, with what the module would provide beside it. */
export type ReplicatedDataSource = DataSource & {
  readonly cluster: ReplicationCluster;
  readonly selector: ConnectionSelector;
};

/**
 * The routed DataSource without the module: scripts, workers, one per tenant made on demand. Of two for different servers
 * each needs a `name` of its own, by which units of work and clients' tokens tell them apart.
 *
 * ```ts
 * const database = await createReplicatedDataSource({ ...options, name: tenant }).initialize();
 * await database.selector.run({ intent: 'replica' }, () => database.getRepository(Post).find());
 * await database.destroy(); // ends its monitors and pools
 * ```
 *
 * @throws {@link InvalidOptionsError} with all problems of the options at once.
 */
export function createReplicatedDataSource(options: ReplicatedModuleOptions): ReplicatedDataSource {
  const dataSource = createDataSource(options);
  const { composed } = dataSource;
  return Object.assign(dataSource, {
    cluster: composed.cluster,
    selector: createSelector(dataSource, composed),
  });
}
