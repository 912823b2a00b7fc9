import { Inject } from '@nestjs/common';
import type { EntityClassOrSchema } from './entity-class-or-schema.js';
import {
  getClusterToken,
  getConnectionSelectorToken,
  getReplicatedRepositoryToken,
} from './injection-tokens.js';

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
