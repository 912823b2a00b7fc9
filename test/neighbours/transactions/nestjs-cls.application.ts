import { Inject, Injectable, Module, type Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  ClsPluginTransactional,
  Propagation,
  Transactional,
  TransactionHost,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { InjectReplicatedRepository, ReplicatedModule, ReplicatedRepository } from 'nestjs-replicated';
import { ClsModule } from 'nestjs-cls';
import { databaseOptions, type Nodes } from '../database-options.js';
import { Post } from '../post.js';
import { Transactions, type Inside } from './doors.js';
import { PostsController } from './posts.controller.js';

/** @nestjs-cls/transactional: the TransactionHost knows the manager of the transaction at hand. */
@Injectable()
class HostedTransactions extends Transactions {
  constructor(
    @Inject(TransactionHost) private readonly host: TransactionHost<TransactionalAdapterTypeOrm>,
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
  ) {
    super();
  }

  @Transactional()
  run<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    return work(this.inside());
  }

  @Transactional(Propagation.Nested)
  private nest<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    return work(this.inside());
  }

  private inside(): Inside {
    const manager = this.host.tx;
    const posts = manager.withRepository(this.posts);
    return {
      doors: {
        'host.tx.getRepository()': manager.getRepository(Post),
        'host.tx.withRepository()': posts,
        'its .primary': posts.primary,
        'its .replica': posts.replica,
      },
      nest: (work) => this.nest(work),
    };
  }
}

export function application(nodes: Nodes): Type {
  @Module({
    imports: [
      ReplicatedModule.forRoot(databaseOptions(nodes, [Post])),
      ReplicatedModule.forFeature([Post]),
      ClsModule.forRoot({
        global: true,
        middleware: { mount: true },
        plugins: [
          new ClsPluginTransactional({
            adapter: new TransactionalAdapterTypeOrm({ dataSourceToken: getDataSourceToken() }),
          }),
        ],
      }),
    ],
    controllers: [PostsController],
    providers: [{ provide: Transactions, useClass: HostedTransactions }],
  })
  class AppModule {}
  return AppModule;
}
