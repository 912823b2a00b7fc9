import { Repository, TreeRepository, type EntityManager, type ObjectLiteral } from 'typeorm';
import type { Intent } from '../routing/route.js';
import { dataSourceOf } from './data-source-view.js';
import { orPrimaryOf } from './or-primary.js';
import { RoutedDataSource } from './routed-data-source.js';

/** The views that a replicated repository has of itself. */
export interface RepositoryViews {
  /** The same repository, always on the primary. */
  readonly primary: this;
  /** The same repository, always on a replica: it waits for the client's own writes, and refuses to write. */
  readonly replica: this;
  /**
   * The same repository, for look-ups by a key that a client may hold before replicas do: `findOne`, `exists` and their
   * like follow the route, and ask the primary once more when a replica that may be behind has found nothing.
   */
  readonly orPrimary: this;
}

/**
 * A TypeORM repository whose every call follows the route of the unit of work.
 *
 * ```ts
 * constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}
 * fresh(id: number) { return this.posts.primary.findOneBy({ id }); }
 * byToken(token: string) { return this.sessions.orPrimary.findOneBy({ token }); }
 * ```
 *
 * Inside a transaction (`manager.withRepository(posts)`) the views stay in the transaction; `.extend()` keeps them.
 * On a DataSource that is not routed, such as a test's own, they are the repository itself.
 */
export class ReplicatedRepository<Entity extends ObjectLiteral>
  extends Repository<Entity>
  implements RepositoryViews
{
  /** This repository, always on the primary. */
  get primary(): this {
    return viewOf(this, 'primary');
  }

  /** This repository, always on a replica. */
  get replica(): this {
    return viewOf(this, 'replica');
  }

  /** This repository, whose look-ups ask the primary once more for what a replica has not found. */
  get orPrimary(): this {
    return orPrimaryOf(this);
  }
}

/** A {@link ReplicatedRepository} for entities of a tree. */
export class ReplicatedTreeRepository<Entity extends ObjectLiteral>
  extends TreeRepository<Entity>
  implements RepositoryViews
{
  /** This repository, always on the primary. */
  get primary(): this {
    return viewOf(this, 'primary');
  }

  /** This repository, always on a replica. */
  get replica(): this {
    return viewOf(this, 'replica');
  }

  /** This repository, whose look-ups ask the primary once more for what a replica has not found. */
  get orPrimary(): this {
    return orPrimaryOf(this);
  }
}

// `withRepository` copies own properties, so the views are made when asked for. Their manager is looked up with every
// call, because libraries that keep the transaction in AsyncLocalStorage (typeorm-transactional) change it in place.
function viewOf<R extends Repository<ObjectLiteral>>(repository: R, intent: Intent): R {
  if (!(dataSourceOf(repository.manager) instanceof RoutedDataSource)) return repository;
  return Object.create(repository, { manager: { get: () => managerFor(repository.manager, intent) } });
}

function managerFor(manager: EntityManager, intent: Intent): EntityManager {
  if (manager.queryRunner) return manager;
  const dataSource = dataSourceOf(manager);
  return dataSource instanceof RoutedDataSource ? dataSource.pinned(intent).manager : manager;
}
