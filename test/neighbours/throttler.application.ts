import { Controller, Get, Inject, Injectable, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule, type ThrottlerStorage } from '@nestjs/throttler';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
} from 'nestjs-replicated';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { sqlOf } from '../support/database.js';
import { databaseOptions, type Nodes } from './database-options.js';
import { Post } from './post.js';

@Entity()
class Hits {
  @PrimaryColumn() key!: string;
  @Column() count!: number;
}

const COUNT_HIT = sqlOf({
  postgres:
    'INSERT INTO hits VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET count = hits.count + 1 RETURNING count',
  mariadb: 'INSERT INTO hits VALUES (?, 1) ON DUPLICATE KEY UPDATE count = count + 1 RETURNING count',
});

/** Counts hits in the database, so in GET requests, too: outside the unit of work. */
@Injectable()
class DatabaseThrottlerStorage implements ThrottlerStorage {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
  ) {}

  increment(key: string, ttlMs: number, limit: number) {
    return this.selector.outside(async () => {
      const [{ count }] = await this.dataSource.query(COUNT_HIT, [key]);
      const isBlocked = count > limit;
      return {
        totalHits: count,
        timeToExpire: ttlMs / 1000,
        isBlocked,
        timeToBlockExpire: isBlocked ? 60 : 0,
      };
    });
  }
}

@Module({ providers: [DatabaseThrottlerStorage], exports: [DatabaseThrottlerStorage] })
class StorageModule {}

@Controller('posts')
class PostsController {
  constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}
  @Get()
  count() {
    return this.posts.count();
  }
}

/** Two requests a minute for each client, counted in the database. */
export function application(nodes: Nodes): Type {
  @Module({
    imports: [
      ReplicatedModule.forRoot(databaseOptions(nodes, [Post, Hits])),
      ReplicatedModule.forFeature([Post]),
      ThrottlerModule.forRootAsync({
        imports: [StorageModule],
        inject: [DatabaseThrottlerStorage],
        useFactory: (storage: DatabaseThrottlerStorage) => ({
          throttlers: [{ ttl: 60_000, limit: 2 }],
          storage,
          getTracker: ({ headers }) => headers['x-client'] as string,
        }),
      }),
    ],
    controllers: [PostsController],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })
  class AppModule {}
  return AppModule;
}
