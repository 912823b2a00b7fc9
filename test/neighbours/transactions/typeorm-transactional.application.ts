import { Injectable, Module, type Type } from '@nestjs/common';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import { InjectReplicatedRepository, ReplicatedModule, ReplicatedRepository } from 'nestjs-replicated';
import { DataSource, Repository } from 'typeorm';
import {
  addTransactionalDataSource,
  initializeTransactionalContext,
  StorageDriver,
  Transactional,
} from 'typeorm-transactional';
import { databaseOptions, type Nodes } from '../database-options.js';
import { Post } from '../post.js';
import { Transactions, type Inside } from './doors.js';
import { PostsController } from './posts.controller.js';

/** typeorm-transactional: whatever was injected is inside the transaction of the decorator. */
@Injectable()
class DecoratedTransactions extends Transactions {
  private readonly inside: Inside;

  constructor(
    @InjectDataSource() dataSource: DataSource,
    @InjectRepository(Post) plain: Repository<Post>,
    @InjectReplicatedRepository(Post) posts: ReplicatedRepository<Post>,
  ) {
    super();
    this.inside = {
      doors: {
        '@InjectRepository()': plain,
        '@InjectReplicatedRepository()': posts,
        'its .primary': posts.primary,
        'its .replica': posts.replica,
        'dataSource.getRepository()': dataSource.getRepository(Post),
      },
      nest: (work) => this.nest(work),
    };
  }

  @Transactional()
  run<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    return work(this.inside);
  }

  // The library's Propagation.NESTED is a second transaction on a second connection, with any DataSource.
  @Transactional()
  private nest<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    return work(this.inside);
  }
}

/** One of these in a process: the library keeps its DataSources in a global map. */
export function decoratedApplication(nodes: Nodes): Type {
  initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });
  @Module({
    imports: [
      ReplicatedModule.forRootAsync({
        useFactory: () => databaseOptions(nodes, [Post]),
        dataSourceFactory: (options, create) =>
          addTransactionalDataSource({ dataSource: create(options), patch: true }),
      }),
      ReplicatedModule.forFeature([Post]),
    ],
    controllers: [PostsController],
    providers: [{ provide: Transactions, useClass: DecoratedTransactions }],
  })
  class AppModule {}
  return AppModule;
}
