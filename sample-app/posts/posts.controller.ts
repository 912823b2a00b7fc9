import {
  Body,
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Query,
  Redirect,
  UseGuards,
} from '@nestjs/common';
import { UseReplica, UseSlave } from 'nestjs-replicated';
import type { Page } from '../pages/page.js';
import { SignedInGuard } from '../visitors/signed-in.guard.js';
import { Visitor } from '../visitors/visitor.decorator.js';
import { VisitsService } from '../visitors/visits.service.js';
import { authorsPage, homePage, postPage, searchPage } from './posts.pages.js';
import {
  entrySchema,
  idSchema,
  olderSchema,
  searchSchema,
  type Entry,
  type Older,
  type PostId,
  type Search,
} from './posts.schemas.js';
import { PostsService } from './posts.service.js';

@Controller()
export class PostsController {
  constructor(
    private readonly posts: PostsService,
    private readonly visits: VisitsService,
  ) {}

  /** A GET: reads a replica, unless this visitor has just written something that no replica has yet. */
  @Get()
  async home(@Query({ schema: olderSchema }) { before }: Older, @Visitor() visitor?: string): Promise<Page> {
    const posts = await this.posts.latest(before);
    return homePage({ posts, visits: await this.visits.count(), visitor });
  }

  /** A report: replicas serve it as long as they are known to be no more than three seconds behind, else the primary does. */
  @Get('authors')
  @UseReplica({ maxLagMs: 3_000 })
  async authors(): Promise<Page> {
    return authorsPage(await this.posts.authors());
  }

  @Get('posts/:id')
  async show(@Param({ schema: idSchema }) { id }: PostId, @Visitor() visitor?: string): Promise<Page> {
    const post = await this.posts.findOne(id);
    if (post === null) throw new NotFoundException('There is no such post.');
    return postPage(post, visitor);
  }

  /** A POST: the primary. The redirect carries the token, so that the next page shows the new post. */
  @Post('posts')
  @UseGuards(SignedInGuard)
  @Redirect('/', 303)
  async create(@Body({ schema: entrySchema }) { text }: Entry, @Visitor() author: string) {
    const { id } = await this.posts.create(author, text);
    return { url: `/#post-${id}` };
  }

  @Post('posts/:id/comments')
  @UseGuards(SignedInGuard)
  @Redirect('/', 303)
  async comment(
    @Param({ schema: idSchema }) { id }: PostId,
    @Body({ schema: entrySchema }) { text }: Entry,
    @Visitor() author: string,
  ) {
    const comment = await this.posts.comment(id, { author, text });
    if (comment === undefined) throw new NotFoundException('There is no such post to comment on.');
    return { url: `/posts/${id}#comment-${comment.id}` };
  }

  /** A POST that only reads: a replica, always. It may miss what was written a moment ago. */
  @Post('search')
  @UseSlave()
  @HttpCode(200)
  async search(@Body({ schema: searchSchema }) { text }: Search, @Visitor() visitor?: string): Promise<Page> {
    return searchPage({ text, posts: await this.posts.search(text), visitor });
  }
}
