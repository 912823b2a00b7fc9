import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Body,
  Catch,
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  Query,
  Res,
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
  type NestModule,
  type PipeTransform,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { ChangesDatabase, ReplicatedModule } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { defer, from, map, of, retry, switchMap } from 'rxjs';
import request from 'supertest';
import type { Repository } from 'typeorm';
import { Note, serverOf } from '../support/note.js';
import {
  PLATFORMS,
  SILENT,
  optionsFor,
  openApp,
  startSeededCluster,
  type Site,
} from '../support/open-app.js';

/** Writes a note on requests which ask for it: `?write=<name of the guard>`. */
abstract class WritingGuard implements CanActivate {
  abstract readonly name: string;
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { query } = context.switchToHttp().getRequest<{ query: { write?: string } }>();
    if (query.write === this.name) await this.notes.save({ text: this.name });
    return true;
  }
}

@Injectable()
class ControllerGuard extends WritingGuard {
  readonly name = 'controller-guard';
}
@Injectable()
class RootGuard extends WritingGuard {
  readonly name = 'app-guard';
}
@Injectable()
class ApplicationGuard extends WritingGuard {
  readonly name = 'global-guard';
}

@Injectable()
class NotePipe implements PipeTransform {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}
  transform(): Promise<string> {
    return serverOf(this.notes);
  }
}

@Catch()
class ReadingFilter implements ExceptionFilter {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}
  async catch(_error: unknown, host: ArgumentsHost): Promise<void> {
    const response = host.switchToHttp().getResponse();
    response.status(418).send(await serverOf(this.notes));
  }
}

/** A cache: answers without the handler. */
@Injectable()
class CachingInterceptor implements NestInterceptor {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}
  intercept() {
    return from(serverOf(this.notes)).pipe(map((server) => `cached by ${server}`));
  }
}

@Injectable()
class RetryingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler) {
    return defer(() => next.handle()).pipe(retry(2));
  }
}

@Controller()
@UseGuards(ControllerGuard)
class NotesController {
  private failures = 0;
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Get('read') read() {
    return serverOf(this.notes);
  }
  @Get('visit') @ChangesDatabase() visit() {
    return serverOf(this.notes);
  }
  @Post('body') body(@Body() { text }: { text: string }) {
    return this.notes.save({ text });
  }
  @Get('pipe') pipe(@Query('x', NotePipe) server: string) {
    return server;
  }
  @Get('fails') @UseFilters(ReadingFilter) fails() {
    throw new Error('on purpose');
  }
  @Post('fails') @UseFilters(ReadingFilter) failsOnPost() {
    throw new Error('on purpose');
  }
  @Get('file') file() {
    const notes = this.notes;
    return new StreamableFile(
      Readable.from(
        (async function* () {
          yield 'from ';
          yield await serverOf(notes);
        })(),
      ),
    );
  }
  @Get('visit-file') @ChangesDatabase() visitFile() {
    const notes = this.notes;
    return new StreamableFile(
      Readable.from(
        (async function* () {
          yield `from ${await serverOf(notes)}`;
        })(),
      ),
    );
  }
  @Sse('events') events() {
    return of(1, 2).pipe(
      switchMap(() => serverOf(this.notes)),
      map((data) => ({ data })),
    );
  }
  @Get('observable') observable() {
    return defer(() => serverOf(this.notes));
  }
  @Get('raw') raw(@Res() response: { send(body: string): void }) {
    return serverOf(this.notes).then((server) => response.send(server));
  }
  @Get('cached') @UseInterceptors(CachingInterceptor) cached() {
    return 'never';
  }
  @Get('retried') @UseInterceptors(RetryingInterceptor) async retried() {
    const server = await serverOf(this.notes);
    if (++this.failures % 3 !== 0) throw new Error('on purpose');
    return server;
  }
}

@Module({ controllers: [NotesController], providers: [ControllerGuard] })
class NotesModule implements NestModule {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply(
        async (incoming: { originalUrl: string }, response: Response, next: (error?: unknown) => void) => {
          try {
            if (incoming.originalUrl.includes('write=middleware'))
              await this.notes.save({ text: 'middleware' });
            if (incoming.originalUrl.includes('read=middleware'))
              response.setHeader('Middleware-Read', await serverOf(this.notes));
            next();
          } catch (error) {
            next(error);
          }
        },
      )
      .forRoutes('*all');
  }
}

interface Response {
  setHeader(name: string, value: string): void;
}

describe('what surrounds a handler is routed like the handler', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startSeededCluster();
  });
  afterAll(() => cluster.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    beforeAll(async () => {
      const feature = ReplicatedModule.forFeature([Note]);
      site = await openApp({
        createAdapter,
        imports: [
          ReplicatedModule.forRoot(optionsFor(cluster)),
          { module: NotesModule, imports: [feature], exports: [feature] },
        ],
        providers: [{ provide: APP_GUARD, useClass: RootGuard }, ApplicationGuard],
        configure: (app) => app.useGlobalGuards(app.get(ApplicationGuard)),
      });
    });
    afterAll(() => site?.app.close());

    const get = (path: string) => request(site.url).get(path);
    it.each(['controller-guard', 'app-guard', 'global-guard'])(
      'a %s that writes works in front of a GET marked @ChangesDatabase()',
      async (guard) => {
        const response = await get(`/visit?write=${guard}`);
        expect([response.status, response.text]).toEqual([200, 'primary']);
      },
    );

    it.each(['controller-guard', 'app-guard', 'global-guard'])(
      'a %s that writes is refused in front of a GET that reads, and the error names the handler',
      async (guard) => {
        const errors: string[] = [];
        site.app.useLogger({ ...SILENT, error: (message: unknown) => void errors.push(String(message)) });
        const response = await get(`/read?write=${guard}`);
        expect(response.status).toBe(500);
        expect(errors.join()).toContain('NotesController.read');
      },
    );

    it('a middleware reads by the HTTP method, and its write goes to the primary, where the rest of the unit stays', async () => {
      const reading = await get('/read?read=middleware');
      expect([reading.get('Middleware-Read'), reading.text]).toEqual(['replica', 'replica']);
      const writing = await get('/read?write=middleware');
      expect([writing.status, writing.text]).toEqual([200, 'primary']);
      expect(writing.get('Replication-Route')).toBe(
        'primary; reason=explicit, primary; reason=wrote-earlier',
      );
      expect(writing.get('Set-Cookie')?.join()).toContain('replication');
    });

    it('what a middleware was told does not bind the handler', async () => {
      const response = await get('/visit?read=middleware');
      expect([response.get('Middleware-Read'), response.text]).toEqual(['replica', 'primary']);
    });

    it.each([
      ['a pipe', '/pipe?x=1', 200, 'replica'],
      ['an exception filter', '/fails', 418, 'replica'],
      ['a StreamableFile', '/file', 200, 'from replica'],
      ['a StreamableFile of a handler that changes data', '/visit-file', 200, 'from primary'],
      ['server-sent events', '/events', 200, 'data: replica'],
      ['an Observable', '/observable', 200, 'replica'],
      ['@Res()', '/raw', 200, 'replica'],
      ['an interceptor that answers itself', '/cached', 200, 'cached by replica'],
      ['an interceptor that calls the handler again', '/retried', 200, 'replica'],
    ])('%s', async (_what, path, status, text) => {
      const response = await get(path).buffer(true);
      expect(response.status).toBe(status);
      expect(response.text ?? response.body.toString()).toContain(text);
    });

    it('an exception filter of a POST reads the primary', async () => {
      const response = await request(site.url).post('/fails');
      expect([response.status, response.text]).toEqual([418, 'primary']);
    });

    it('a body that arrives late leaves a token all the same', async () => {
      const head = await postSlowly(site.url, '/body', JSON.stringify({ text: 'slow' }));
      expect(head).toMatch(/^HTTP\/1.1 201/);
      expect(head).toMatch(/set-cookie: replication/i);
      expect(head).toMatch(/replication-route: primary; reason=write-method/i);
    });
  });
});

/** Sends the head of a request, and its body in pieces later on; answers the head of the response. */
function postSlowly(url: string, path: string, body: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', reject);
    socket.on('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${hostname}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`, () => {
      setTimeout(
        () => socket.write(body.slice(0, 3), () => setTimeout(() => socket.write(body.slice(3)), 20)),
        20,
      );
    });
  });
}
