import { Logger } from '@nestjs/common';
import type { DataSourceOptions } from 'typeorm';
import { resolveOptions } from '../options/resolve-options.js';
import type { ResolvedNode } from '../options/resolved-options.js';
import { composeCluster } from '../typeorm/compose-cluster.js';
import { RoutedDataSource } from '../typeorm/routed-data-source.js';
import { sendTokens } from './send-tokens.js';
import { createCarriers } from './create-carriers.js';

/** Makes the routed DataSource of a cluster from what the user wrote. It is not initialised yet. */
export function createDataSource(options: DataSourceOptions): RoutedDataSource {
  const resolved = resolveOptions(options);
  const logger = new Logger(
    resolved.name === 'default' ? 'ReplicatedModule' : `ReplicatedModule:${resolved.name}`,
  );
  const resolveReplica = (replica: unknown): ResolvedNode => resolveAdded(options, replica);
  return new RoutedDataSource(resolved, (dataSource) => {
    const composed = composeCluster(dataSource, resolved, { logger, createCarriers, resolveReplica });
    sendTokens(composed, resolved);
    return composed;
  });
}

/** All checks of start-up hold for a replica that is added later. */
function resolveAdded(options: object, added: unknown): ResolvedNode {
  const { replicas, replication, ...others } = options as {
    replicas?: readonly object[];
    replication?: { master: object; slaves: readonly object[] };
  };
  const nodes = replication
    ? { primary: replication.master, replicas: [...replication.slaves, added] }
    : { replicas: [...(replicas ?? []), added] };
  return resolveOptions({ ...others, ...nodes }).replicas.at(-1) as ResolvedNode;
}
