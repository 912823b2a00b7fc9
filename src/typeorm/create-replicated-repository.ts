import type { DataSource, EntityTarget, ObjectLiteral } from 'typeorm';
import { ReplicatedRepository, ReplicatedTreeRepository } from './replicated-repository.js';

/** The replicated repository of an entity; of a tree, with the methods for trees, once its metadata is known. */
export function createReplicatedRepository(
  dataSource: DataSource,
  entity: EntityTarget<ObjectLiteral>,
): ReplicatedRepository<ObjectLiteral> | ReplicatedTreeRepository<ObjectLiteral> {
  const isTree = dataSource.hasMetadata(entity) && dataSource.getMetadata(entity).treeType !== undefined;
  const Repository = isTree ? ReplicatedTreeRepository : ReplicatedRepository;
  return new Repository(entity, dataSource.manager);
}
