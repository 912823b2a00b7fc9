import type { DataSource } from 'typeorm';
import type { ReplicationCluster } from '../cluster/replication-cluster.js';
import type { ConnectionSelector } from '../typeorm/connection-selector.js';
import { createDataSource } from './composition/create-data-source.js';
import { UsageError } from '../errors.js';
import { SharedLoops } from '../health/shared-loops.js';
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
 * @throws {@link InvalidOptionsError} with all problems of the options at once; `initialize()` throws {@link UsageError} while
 * another one of the same name is open.
 */
export function createReplicatedDataSource(options: ReplicatedModuleOptions): ReplicatedDataSource {
  const dataSource = createDataSource(options, LOOPS);
  const { composed } = dataSource;
  const { name } = composed.cluster;
  const [initialize, destroy] = [dataSource.initialize, dataSource.destroy];
  const close = async (): Promise<void> => {
    try {
      await destroy.call(dataSource);
    } finally {
      if (OPEN.get(name) === dataSource) OPEN.delete(name);
    }
  };
  return Object.assign(dataSource, {
    cluster: composed.cluster,
    selector: createSelector(dataSource, composed),
    destroy: close,
    async initialize() {
      const other = OPEN.get(name);
      if (other && other !== dataSource) throw new UsageError(NAME_IS_TAKEN(name));
      OPEN.set(name, dataSource);
      try {
        return await initialize.call(dataSource);
      } catch (error) {
        if (!dataSource.isInitialized) OPEN.delete(name);
        throw error;
      }
    },
  });
}

// Of the process, since the DataSources of tenants know nothing of each other.
const LOOPS = new SharedLoops();
/** Those that are open, by their names. */
const OPEN = new Map<string, DataSource>();

const NAME_IS_TAKEN = (name: string): string =>
  `A DataSource of the name "${name}" is open already: a unit of work would take the writes and tokens of one for those of the other. Give each a name of its own, or destroy the other one first.`;
