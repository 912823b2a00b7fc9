import { getDataSourcePrefix, getRepositoryToken } from '@nestjs/typeorm';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import { Inject } from '@nestjs/common';

/** An entity's class, or its schema: whatever @nestjs/typeorm takes. */
export type EntityClassOrSchema = Parameters<typeof getRepositoryToken>[0];

// Symbol.for, so that the ES module and the CommonJS build of this package inject the same.
function tokenOf(what: string, name: string): symbol {
  return Symbol.for(`nestjs-replicated:${what}:${name}`);
}

/** Injection token of the {@link ReplicatedRepository} of an entity. `name`: of the cluster. */
export function getReplicatedRepositoryToken(
  entity: EntityClassOrSchema,
  name = DEFAULT_CLUSTER,
): string | symbol {
  const token = getRepositoryToken(entity, name);
  const text = typeof token === 'function' ? token.name : String(token);
  return `Replicated_${getDataSourcePrefix(name)}${text}`;
}

/** Injection token of the routed DataSource pinned to the primary. `name`: of the cluster. */
export function getPrimaryDataSourceToken(name = DEFAULT_CLUSTER): symbol {
  return tokenOf('primary-data-source', name);
}

/** Injection token of the routed DataSource pinned to a replica. `name`: of the cluster. */
export function getReplicaDataSourceToken(name = DEFAULT_CLUSTER): symbol {
  return tokenOf('replica-data-source', name);
}

/** Injection token of the `ConnectionSelector` of a cluster; the default cluster's is the class. */
export function getConnectionSelectorToken(name = DEFAULT_CLUSTER): symbol {
  return tokenOf('connection-selector', name);
}

/** Injection token of the `ReplicationCluster` of a name; the default cluster's is the class. */
export function getClusterToken(name = DEFAULT_CLUSTER): symbol {
  return tokenOf('cluster', name);
}

/** Injection token of everything that a cluster is composed of; for this module only. */
export function getComposedToken(name: string): symbol {
  return tokenOf('composed', name);
}

/**
 * Injects the {@link ReplicatedRepository} of an entity. `name`: of the cluster.
 *
 * ```ts
 * constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}
 * ```
 */
export const InjectReplicatedRepository = (entity: EntityClassOrSchema, name?: string): ParameterDecorator =>
  Inject(getReplicatedRepositoryToken(entity, name));

/** Injects the {@link ConnectionSelector} of a cluster. */
export const InjectConnectionSelector = (name?: string): ParameterDecorator =>
  Inject(getConnectionSelectorToken(name));

/** Injects the {@link ReplicationCluster} of a name. */
export const InjectCluster = (name?: string): ParameterDecorator => Inject(getClusterToken(name));
