import { Body, Controller, Get, Post as HttpPost } from '@nestjs/common';
import { InjectReplicatedRepository, type ReplicatedRepository } from 'nestjs-replicated';
import { Post } from './post.entity.js';

@Controller('posts')
export class PostsController {
  constructor(@InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>) {}

  @Get()
  list(): Promise<Post[]> {
    return this.posts.find(); // a replica; the primary for a client whose own post no replica has yet
  }

  @HttpPost()
  create(@Body() { text }: Pick<Post, 'text'>): Promise<Post> {
    return this.posts.save({ text }); // the primary
  }
}
