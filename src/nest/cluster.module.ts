import { createSelector, pinnedDataSource } from './create-selector.js';
import { Global, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ReplicationCluster } from '../cluster/replication-cluster.js';
import type { ComposedCluster } from './composition/compose-cluster.js';
import { ConnectionSelector } from '../typeorm/connection-selector.js';
import { ClusterRegistry } from './cluster-registry.js';
import { composedOf } from './composition/cluster-of.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import {
  getClusterToken,
  getComposedToken,
  getConnectionSelectorToken,
  getPrimaryDataSourceToken,
  getReplicaDataSourceToken,
} from './injection.js';

type TokenProvider = Provider & {
  readonly provide: symbol | typeof ReplicationCluster | typeof ConnectionSelector;
};

/** The providers of one cluster, for the whole application. */
@Global()
@Module({})
export class ClusterModule {
  static of(name: string): DynamicModule {
    const providers = [...providersOf(name), ...(name === DEFAULT_CLUSTER ? CLASSES : [])];
    return { module: ClusterModule, providers, exports: providers.map(({ provide }) => provide) };
  }
}

function providersOf(name: string): readonly TokenProvider[] {
  const dataSource = getDataSourceToken(name);
  const composed = getComposedToken(name);
  return [
    { provide: composed, useFactory: register(name), inject: [dataSource, ClusterRegistry] },
    {
      provide: getClusterToken(name),
      useFactory: ({ cluster }: ComposedCluster) => cluster,
      inject: [composed],
    },
    { provide: getConnectionSelectorToken(name), useFactory: createSelector, inject: [dataSource, composed] },
    ...(
      [
        [getPrimaryDataSourceToken(name), 'primary'],
        [getReplicaDataSourceToken(name), 'replica'],
      ] as const
    ).map(([provide, intent]) => ({
      provide,
      useFactory: (routed: DataSource) => pinnedDataSource(routed, intent),
      inject: [dataSource],
    })),
  ];
}

function register(name: string) {
  return (dataSource: DataSource, registry: ClusterRegistry): ComposedCluster => {
    const composed = composedOf(dataSource, name);
    registry.add(composed);
    return composed;
  };
}

/** The default cluster's are injected by their classes, too. */
const CLASSES: readonly TokenProvider[] = [
  { provide: ReplicationCluster, useExisting: getClusterToken() },
  { provide: ConnectionSelector, useExisting: getConnectionSelectorToken() },
];
