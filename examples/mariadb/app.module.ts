import { Module } from '@nestjs/common';
import { ReplicatedModule } from 'nestjs-replicated';
import { Post } from '../rest/post.entity.js';
import { PostsController } from '../rest/posts.controller.js';

@Module({
  imports: [
    ReplicatedModule.forRoot({
      type: 'mariadb', // with mysql2; 'mysql' works as well
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
