import { Injectable, Module, type Type } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { InjectReplicatedRepository, ReplicatedModule, ReplicatedRepository } from 'nestjs-replicated';
import { DataSource, type EntityManager } from 'typeorm';
import { databaseOptions, type Nodes } from '../database-options.js';
import { Post } from '../post.js';
import { Transactions, type Inside } from './doors.js';
import { PostsController } from './posts.controller.js';

/** TypeORM's own: a callback gets a manager, and everything goes through that. */
@Injectable()
class CallbackTransactions extends Transactions {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
  ) {
    super();
  }

  run<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    return this.dataSource.transaction((manager) => work(this.inside(manager)));
  }

  private inside(manager: EntityManager): Inside {
    const posts = manager.withRepository(this.posts);
    return {
      doors: {
        'manager.getRepository()': manager.getRepository(Post),
        'manager.withRepository()': posts,
        'its .primary': posts.primary,
        'its .replica': posts.replica,
      },
      nest: (work) => manager.transaction((nested) => work(this.inside(nested))),
    };
  }
}

export function callbackApplication(nodes: Nodes): Type {
  @Module({
    imports: [ReplicatedModule.forRoot(databaseOptions(nodes, [Post])), ReplicatedModule.forFeature([Post])],
    controllers: [PostsController],
    providers: [{ provide: Transactions, useClass: CallbackTransactions }],
  })
  class AppModule {}
  return AppModule;
}
