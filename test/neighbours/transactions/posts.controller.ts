import { Controller, Get, Inject, Post as HttpPost, Query } from '@nestjs/common';
import {
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedRepository,
  type Route,
} from 'nestjs-replicated';
import { Post } from '../post.js';
import { lookThrough, Transactions, type Doors, type View } from './doors.js';

/** What a handler saw. */
export interface Report {
  readonly before: Route;
  readonly inside: readonly View[];
  readonly after: Route;
}

class RolledBack extends Error {}

@Controller('posts')
export class PostsController {
  constructor(
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
  ) {}

  @Get()
  async texts(): Promise<string[]> {
    return (await this.posts.find()).map(({ text }) => text);
  }

  @HttpPost('committed')
  commit(@Query('text') text: string): Promise<Report> {
    return this.report(() => this.transactions.run(({ doors }) => this.write(doors, text)));
  }

  @HttpPost('rolled-back')
  rollBack(@Query('text') text: string): Promise<Report> {
    return this.report(() => this.writeAndFail(text));
  }

  @HttpPost('nested')
  nest(@Query('text') text: string): Promise<Report> {
    return this.report(() =>
      this.transactions.run(async ({ doors, nest }) => {
        const inner = await nest((inside) => this.write(inside.doors, text));
        return [...inner, ...(await lookThrough(doors, text))];
      }),
    );
  }

  @Get('read')
  read(@Query('text') text: string): Promise<Report> {
    return this.report(() => this.transactions.run(({ doors }) => lookThrough(doors, text)));
  }

  @Get('committed-on-the-primary')
  commitOnThePrimary(@Query('text') text: string): Promise<Report> {
    return this.report(() =>
      this.selector.usePrimary(() => this.transactions.run(({ doors }) => this.write(doors, text))),
    );
  }

  @Get('rolled-back-on-the-primary')
  rollBackOnThePrimary(@Query('text') text: string): Promise<Report> {
    return this.report(() => this.selector.usePrimary(() => this.writeAndFail(text)));
  }

  @Get('undecorated-write')
  writeUndecorated(@Query('text') text: string): Promise<Report> {
    return this.report(async () => {
      const refused = await this.transactions
        .run(({ doors }) => this.write(doors, text))
        .catch((error: { code: string }) => error.code);
      return typeof refused === 'string' ? [{ door: refused, process: '', posts: 0 }] : refused;
    });
  }

  private async report(work: () => Promise<View[]>): Promise<Report> {
    const before = await this.routeOfRead();
    const inside = await work();
    return { before, inside, after: await this.routeOfRead() };
  }

  private async routeOfRead(): Promise<Route> {
    await this.posts.count();
    return this.selector.route as Route;
  }

  private async write(doors: Doors, text: string): Promise<View[]> {
    await Object.values(doors)[0]?.save({ text });
    return lookThrough(doors, text);
  }

  private async writeAndFail(text: string): Promise<View[]> {
    let inside: View[] = [];
    await this.transactions
      .run(async ({ doors }) => {
        inside = await this.write(doors, text);
        throw new RolledBack();
      })
      .catch((error: unknown) => {
        if (!(error instanceof RolledBack)) throw error;
      });
    return inside;
  }
}
