import type { DataSource } from 'typeorm';
import { drivers } from '../../engines/create-engine.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { NO_CLIENTS } from '../../cluster/tokens/token-sink.js';
import { composeCluster, type ComposedCluster } from './compose-cluster.js';
import { RoutedDataSource } from '../../typeorm/routed-data-source.js';

/**
 * The cluster behind a DataSource. One that a test has put in place of ours is a cluster of one server, which routes
 * nothing, so that whatever injects the cluster or its selector works with it.
 */
export function composedOf(dataSource: DataSource, name: string): ComposedCluster {
  if (dataSource instanceof RoutedDataSource) return dataSource.composed as ComposedCluster;
  const options = resolveOptions(
    {
      name,
      type: (dataSource.options as { type?: string } | undefined)?.type ?? 'unknown',
      primary: { host: 'localhost' },
      replicas: [],
    },
    drivers,
  );
  const logger = { log: ignore, warn: ignore, error: ignore };
  const refuse = (): never => {
    throw new Error('A DataSource that is not routed has no replicas.');
  };
  return composeCluster(dataSource, options, {
    logger,
    createCarriers: () => [],
    createSink: () => NO_CLIENTS,
    resolveReplica: refuse,
    addressOf: refuse,
  });
}

function ignore(): void {
  // Nothing happens to a cluster that nobody watches.
}
