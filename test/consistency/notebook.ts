import { TYPE, isPostgres } from '../database.js';
import type { ServerResponse } from 'node:http';
import { All, Controller, Inject, Req, Res, type INestApplication, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';
import {
  Consistency,
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';

@Entity()
export class Note {
  @PrimaryGeneratedColumn() id!: number;
  @Column() text!: string;
}

/** Creates its table, on all servers. */
export async function createNotes(postgres: PostgresCluster): Promise<void> {
  await postgres.primary.query('CREATE TABLE note (id serial PRIMARY KEY, text varchar(250) NOT NULL)');
  if (isPostgres)
    await postgres.primary.query('GRANT ALL ON note TO PUBLIC; GRANT ALL ON SEQUENCE note_id_seq TO PUBLIC');
  await postgres.waitForReplication();
}

/** What a handler may use. */
export interface Desk {
  readonly db: DataSource;
  readonly selector: ConnectionSelector;
  readonly cluster: ReplicationCluster;
  readonly request: never;
  readonly response: never;
}

export type Work = (desk: Desk) => unknown;

const works = new Map<string, Work>();
let workCount = 0;

/** The last part of the path at which handlers do `work`. */
export function workFor(work: Work): string {
  const id = String(++workCount);
  works.set(id, work);
  return id;
}

abstract class Desks {
  constructor(
    @Inject(getDataSourceToken()) readonly db: DataSource,
    @Inject(ConnectionSelector) readonly selector: ConnectionSelector,
    @Inject(ReplicationCluster) readonly cluster: ReplicationCluster,
  ) {}

  work(request: { params: { id: string } }, response?: unknown): unknown {
    const { db, selector, cluster } = this;
    const work = works.get(request.params.id);
    return work?.({ db, selector, cluster, request: request as never, response: response as never });
  }
}

@Controller('plain')
class WorkController extends Desks {
  @All(':id') run(@Req() request: never) {
    return this.work(request);
  }
}

@Controller('raw')
class RawController extends Desks {
  @All(':id') run(@Req() request: never, @Res() response: unknown) {
    return this.work(request, response);
  }
}

@Controller('slave')
class SlaveController extends Desks {
  @All(':id') @UseSlave() run(@Req() request: never) {
    return this.work(request);
  }
}

@Controller('slave-own')
class SlaveOwnController extends Desks {
  @All(':id') @UseSlave({ ownWrites: true }) run(@Req() request: never) {
    return this.work(request);
  }
}

@Controller('eventual')
@Consistency('eventual')
class EventualController extends Desks {
  @All(':id') run(@Req() request: never) {
    return this.work(request);
  }
}

@Controller('careful')
@Consistency('eventual')
class CarefulController extends Desks {
  @All(':id') @Consistency('primary') run(@Req() request: never) {
    return this.work(request);
  }
}

export type Place = 'plain' | 'raw' | 'slave' | 'slave-own' | 'eventual' | 'careful';

/** One answer, with what the tests look at. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
  /** `replica-1; reason=read-method` */
  readonly route: string | null;
  /** Cookies of ours that were set, cleared ones left out. */
  readonly tokens: readonly string[];
  readonly cleared: readonly string[];
}

export interface Ask {
  readonly place?: Place;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client that keeps cookies. */
export class Visitor {
  readonly jar = new Map<string, string>();

  constructor(private readonly url: () => string) {}

  get cookie(): string {
    return [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  get(work: Work, ask?: Ask): Promise<Answer> {
    return this.send('GET', work, ask);
  }

  post(work: Work, ask?: Ask): Promise<Answer> {
    return this.send('POST', work, ask);
  }

  async send(method: string, work: Work, { place = 'plain', headers = {} }: Ask = {}): Promise<Answer> {
    const id = workFor(work);
    const own = this.jar.size > 0 ? { cookie: this.cookie } : undefined;
    const response = await fetch(`${this.url()}/${place}/${id}`, {
      method,
      redirect: 'manual',
      headers: { ...own, ...headers },
    });
    const text = await response.text();
    const answer = readAnswer(response, text);
    for (const cookie of answer.tokens) this.keep(cookie);
    for (const name of answer.cleared) this.jar.delete(name);
    return answer;
  }

  private keep(cookie: string): void {
    const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=');
    this.jar.set(name, value);
  }
}

function readAnswer(response: Response, text: string): Answer {
  const ours = response.headers.getSetCookie().filter((cookie) => cookie.startsWith('replication'));
  const [cleared, tokens] = [true, false].map((isCleared) =>
    ours.filter((cookie) => cookie.includes('Max-Age=0') === isCleared),
  ) as [string[], string[]];
  return {
    status: response.status,
    body: parse(text),
    headers: response.headers,
    route: response.headers.get('replication-route'),
    tokens,
    cleared: cleared.map((cookie) => cookie.split('=')[0] ?? ''),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export type Platform = 'express' | 'fastify';

export interface NotebookOptions {
  readonly postgres: PostgresCluster;
  readonly platform?: Platform;
  readonly options?: Partial<ReplicatedModuleOptions>;
  readonly providers?: readonly Type[];
  /** Told of the application before it starts. */
  readonly prepare?: (app: INestApplication) => void;
  readonly logger?: { log(line: string): void; warn(line: string): void; error(line: string): void };
}

/** An application whose handlers do what a test sends along. */
export class Notebook {
  private url = '';

  private constructor(readonly app: INestApplication) {}

  static async open({
    postgres,
    platform = 'express',
    options,
    providers = [],
    prepare,
    logger,
  }: NotebookOptions): Promise<Notebook> {
    const module = await Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot({
          type: TYPE,
          entities: [Note],
          retryAttempts: 0,
          primary: { url: postgres.primary.url },
          replicas: postgres.replicas.map(({ url }) => ({ url })),
          ...options,
          routing: { explainHeader: true, ...options?.routing },
        } as ReplicatedModuleOptions),
      ],
      controllers: [
        WorkController,
        RawController,
        SlaveController,
        SlaveOwnController,
        EventualController,
        CarefulController,
      ],
      providers: [...providers],
    })
      .setLogger((logger ?? false) as never)
      .compile();
    const app =
      platform === 'express'
        ? module.createNestApplication()
        : module.createNestApplication<NestFastifyApplication>(new FastifyAdapter() as never);
    app.useLogger((logger ?? false) as never);
    prepare?.(app);
    const notebook = new Notebook(app);
    await app.listen(0, '127.0.0.1');
    notebook.url = await app.getUrl();
    return notebook;
  }

  get cluster(): ReplicationCluster {
    return this.app.get(ReplicationCluster);
  }

  get db(): DataSource {
    return this.app.get(getDataSourceToken() as never);
  }

  get selector(): ConnectionSelector {
    return this.app.get(ConnectionSelector);
  }

  visitor(): Visitor {
    return new Visitor(() => this.url);
  }

  /** How often a token counter has moved while `run` ran. */
  async counting<T>(run: () => Promise<T>): Promise<{ answer: T; tokens: Record<string, number> }> {
    const before = this.cluster.stats().tokens;
    const answer = await run();
    const after = this.cluster.stats().tokens;
    const moved = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
    return { answer, tokens: Object.fromEntries(moved.filter(([, count]) => count > 0)) };
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}

export const readNotes: Work = ({ db }) => db.getRepository(Note).find({ order: { id: 'ASC' } });
export const writeNote: Work = ({ db }) => db.getRepository(Note).insert({ text: 'a' });

/** Node's own response. Fastify is told that the handler answers by itself. */
export function rawOf(response: object): ServerResponse {
  if (!('hijack' in response)) return response as ServerResponse;
  (response as { hijack(): void }).hijack();
  return (response as unknown as { raw: ServerResponse }).raw;
}
