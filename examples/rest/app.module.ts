import { Module } from '@nestjs/common';
import { ReplicatedModule } from 'nestjs-replicated';
import { Post } from './post.entity.js';
import { PostsController } from './posts.controller.js';

@Module({
  imports: [
    ReplicatedModule.forRoot({
      type: 'postgres',
      entities: [Post],
      synchronize: true,
      primary: { url: process.env['PRIMARY_URL'] },
      replicas: [{ url: process.env['REPLICA_URL'] }],
      routing: { explainHeader: true },
    }),
    ReplicatedModule.forFeature([Post]),
  ],
  controllers: [PostsController],
})
export class AppModule {}
