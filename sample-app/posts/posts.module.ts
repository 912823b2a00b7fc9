import { Module } from '@nestjs/common';
import { ReplicatedModule } from 'nestjs-replicated';
import { VisitorsModule } from '../visitors/visitors.module.js';
import { Comment, Post } from './post.entity.js';
import { PostsController } from './posts.controller.js';
import { PostsService } from './posts.service.js';

@Module({
  imports: [ReplicatedModule.forFeature([Post, Comment]), VisitorsModule],
  controllers: [PostsController],
  providers: [PostsService],
})
export class PostsModule {}
