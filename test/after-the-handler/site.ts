import { setTimeout as startTimer } from 'node:timers';
import {
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  ParseIntPipe,
  Post as HttpPost,
  Scope,
  Sse,
  StreamableFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { InjectDataSource, InjectRepository } from '@nestjs/typeorm';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import {
  ConnectionSelector,
  ReplicatedModule,
  UseSlave,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { finalize, interval, map, mergeMap, of, take, tap, type Observable } from 'rxjs';
import { DataSource, Repository } from 'typeorm';
import { databaseOptions, type Nodes } from '../neighbours/database-options.js';
import { Post } from '../neighbours/post.js';

const posts = () => InjectRepository(Post);

/** Writes after an answer, without waiting for it. */
@Injectable()
class TapLog implements NestInterceptor {
  constructor(@posts() private readonly posts: Repository<Post>) {}
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next.handle().pipe(tap(() => void this.posts.save({ text: 'tap' })));
  }
}

/** Writes after an answer, and waits for it. */
@Injectable()
class AwaitingLog implements NestInterceptor {
  constructor(@posts() private readonly posts: Repository<Post>) {}
  intercept(_context: ExecutionContext, next: CallHandler) {
    return next
      .handle()
      .pipe(mergeMap((answer) => this.posts.save({ text: 'awaited tap' }).then(() => answer)));
  }
}

/** Answers by itself, so that the handler is not called. */
@Injectable()
class Cached implements NestInterceptor {
  intercept(): Observable<string> {
    return of('cached');
  }
}

@Injectable()
class TouchingGuard implements CanActivate {
  constructor(@posts() private readonly posts: Repository<Post>) {}
  canActivate(): boolean {
    void this.posts.save({ text: 'guard' });
    return true;
  }
}

@Injectable()
class Denied implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

/** Stores what went wrong before it answers. */
@Catch()
class ErrorLog implements ExceptionFilter {
  constructor(@posts() private readonly posts: Repository<Post>) {}
  async catch(error: Error, host: ArgumentsHost): Promise<void> {
    await this.posts.save({ text: `filter: ${error.message}` });
    const response = host
      .switchToHttp()
      .getResponse<{ status(code: number): { send(body: object): void } }>();
    response.status(500).send({ logged: true });
  }
}

/** One for all requests, as loggers and metrics have them. */
@Injectable()
class Shared {
  private buffer: { text: string }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private ticking: NodeJS.Timeout | undefined;
  private readonly jobs: (() => Promise<void>)[] = [];
  private isBusy = false;
  constructor(
    @posts() private readonly posts: Repository<Post>,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
  ) {}

  log(text: string): void {
    this.buffer.push({ text });
    this.timer ??= startTimer(() => {
      this.timer = undefined;
      void this.posts.save(this.buffer.splice(0));
    }, 60);
  }

  tick(): void {
    let left = 3;
    this.ticking ??= setInterval(() => {
      void this.posts.insert({ text: 'tick' });
      if ((left -= 1) === 0) clearInterval(this.ticking);
    }, 20);
  }

  /** A queue with one worker, which starts a job in the context of the one before. */
  queue(job: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.jobs.push(() => job().then(resolve, reject));
      this.work();
    });
  }

  private work(): void {
    const job = this.isBusy ? undefined : this.jobs.shift();
    if (!job) return;
    this.isBusy = true;
    void job().finally(() => {
      this.isBusy = false;
      this.work();
    });
  }

  queueBound(job: () => Promise<unknown>): Promise<unknown> {
    return this.queue(this.selector.bind(job));
  }
}

@Controller()
class LogController {
  private release: (() => void) | undefined;
  constructor(
    @posts() private readonly posts: Repository<Post>,
    @InjectDataSource() private readonly dataSource: DataSource,
    @Inject(Shared) private readonly shared: Shared,
    @Inject(ConnectionSelector) private readonly selector: ConnectionSelector,
  ) {}

  @Get('finish') finish() {
    return 'ok';
  }
  @Get('tap') @UseInterceptors(TapLog) tap() {
    return this.posts.count().then(() => 'ok');
  }
  @Get('awaited-tap') @UseInterceptors(AwaitingLog) async awaitedTap() {
    return 'ok';
  }
  @Get('tap-of-cached') @UseInterceptors(TapLog, Cached) tapOfCached() {
    return 'never';
  }
  @Get('guard') @UseGuards(TouchingGuard) guard() {
    return 'ok';
  }
  @Get('throws') throws() {
    throw new Error('thrown');
  }
  @Get('rejects') @UseFilters(ErrorLog) async rejects() {
    throw new Error('rejected');
  }
  @Get('denied') @UseGuards(Denied) denied() {
    return 'never';
  }
  @Get('piped/:id') piped(@Param('id', ParseIntPipe) id: number) {
    return id;
  }

  // A call that is not awaited, in a handler that answers at once.
  @Get('void/save') save() {
    void this.posts.save({ text: 'void' });
    return 'ok';
  }
  @Get('void/insert') insert() {
    void this.posts.insert({ text: 'void' });
    return 'ok';
  }
  @Get('void/upsert') upsert() {
    void this.posts.upsert({ id: 1, text: 'seed' }, ['id']);
    return 'ok';
  }
  @Get('void/query') query() {
    void this.dataSource.query(`INSERT INTO post (text) VALUES ('void')`);
    return 'ok';
  }
  @Get('void/builder') builder() {
    void this.posts.createQueryBuilder().insert().values({ text: 'void' }).execute();
    return 'ok';
  }
  @Get('void/clone') clone() {
    void this.dataSource.createQueryBuilder(Post, 'p').clone().update().set({ text: 'seed' }).execute();
    return 'ok';
  }
  @Get('void/transaction') transaction() {
    void this.dataSource.transaction((manager) => manager.insert(Post, { text: 'void' }));
    return 'ok';
  }
  @Get('void/runner') runner() {
    const runner = this.dataSource.createQueryRunner();
    void runner.query(`INSERT INTO post (text) VALUES ('void')`).finally(() => runner.release());
    return 'ok';
  }
  @Get('void/released') async released() {
    const runner = this.dataSource.createQueryRunner();
    await runner.connect();
    void runner.query(`INSERT INTO post (text) VALUES ('void')`);
    await runner.release();
    return 'ok';
  }
  @Get('void/replica') replica() {
    const pinned = this.selector.useReplica(() => this.posts.insert({ text: 'void' }));
    void pinned;
    return 'ok';
  }
  @Get('void/lock') lock() {
    void this.dataSource.query('SELECT pg_advisory_lock(1)');
    return 'ok';
  }
  @Get('void/decorated') decorated() {
    void this.report();
    return 'ok';
  }
  @UseSlave() report() {
    return this.posts.save({ text: 'void' });
  }
  @Get('caught') caught() {
    this.posts.save({ text: 'caught' }).catch(() => undefined);
    return 'ok';
  }
  @Get('caught-query') caughtQuery() {
    return this.dataSource.query(`UPDATE post SET text = 'x'`).catch(() => 'ok');
  }

  @Get('buffer') buffer() {
    this.shared.log('of a GET');
    return 'ok';
  }
  @HttpPost('buffer') bufferByPost() {
    this.shared.log('of a POST');
    return 'ok';
  }
  @Get('ticks') ticks() {
    this.shared.tick();
    return 'ok';
  }
  @Get('hold') async hold() {
    await this.shared.queue(() => new Promise<void>((go) => (this.release = go)));
    this.release = undefined;
    await setTimeout(100);
    return 'ok';
  }
  @Get('is-held') isHeld() {
    return String(this.release !== undefined);
  }
  @HttpPost('queue') queue() {
    const done = this.shared.queue(() => this.posts.save({ text: 'queued' }));
    this.release?.();
    return done.then(() => 'ok');
  }
  @HttpPost('queue-bound') queueBound() {
    const done = this.shared.queueBound(() => this.posts.save({ text: 'bound' }));
    this.release?.();
    return done.then(() => 'ok');
  }

  @Sse('events') events() {
    return interval(10).pipe(
      take(2),
      mergeMap((n) => this.posts.save({ text: `event ${n}` }).catch((error: Error) => error)),
      map((data) => ({ data: data instanceof Error ? data.name : 'written' })),
      finalize(() => void this.posts.save({ text: 'events are over' })),
    );
  }
  @Get('stream') stream() {
    const { posts } = this;
    async function* chunks() {
      yield 'a';
      await posts.save({ text: 'streamed' });
      yield 'b';
    }
    return new StreamableFile(Readable.from(chunks()));
  }
  @Get('blocks') async blocks() {
    const later = (text: string) => void setTimeout(30).then(() => void this.posts.save({ text }));
    await this.selector.run({ intent: 'replica' }, async () => later('after run'));
    await this.selector.useReplica(async () => later('after useReplica'));
    return 'ok';
  }
  @Get('reads-after') async readsAfter() {
    const role = async () => {
      await this.posts.count();
      return this.selector.route?.role ?? 'none';
    };
    void setTimeout(10)
      .then(() => this.posts.insert({ text: 'late' }))
      .then(role)
      .then((seen) => this.posts.insert({ text: `read the ${seen}` }));
    return 'ok';
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  constructor(@posts() private readonly posts: Repository<Post>) {}
  @Get('finish') finish() {
    return 'ok';
  }
  @Get('save') save() {
    void this.posts.save({ text: 'void' });
    return 'ok';
  }
  @Get('throws') async throws() {
    throw new Error('thrown');
  }
}

/** An application that logs its own requests, in all the places where applications do. */
export function application(nodes: Nodes, more: Partial<ReplicatedModuleOptions> = {}): Type {
  @Module({
    imports: [
      ReplicatedModule.forRoot({ ...databaseOptions(nodes, [Post]), ...more } as ReplicatedModuleOptions),
      ReplicatedModule.forFeature([Post]),
    ],
    controllers: [LogController, ScopedController],
    providers: [Shared, { provide: APP_FILTER, useClass: ErrorLog }],
  })
  class AppModule {
    constructor(@posts() private readonly posts: Repository<Post>) {}
    configure(consumer: MiddlewareConsumer) {
      consumer
        .apply((request: { originalUrl?: string }, response: ServerResponse, next: () => void) => {
          if (request.originalUrl?.endsWith('/finish'))
            response.on('finish', () => void this.posts.save({ text: 'finish' }));
          next();
        })
        .forRoutes('*path');
    }
  }
  return AppModule;
}
