import { TYPE, isPostgres } from '../support/database.js';
import type { ServerResponse } from 'node:http';
import { All, Controller, Inject, Req, Res, type INestApplication, type Type } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import {
  Consistency,
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { Browser } from '../support/browser.js';
import { Note } from '../support/note.js';
import { createFastify, openApp, type Site } from '../support/open-app.js';

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

/** Somebody who has handlers work. */
export class Visitor {
  readonly browser = new Browser();

  constructor(private readonly url: string) {}

  get(work: Work, ask?: Ask): Promise<Answer> {
    return this.send('GET', work, ask);
  }

  post(work: Work, ask?: Ask): Promise<Answer> {
    return this.send('POST', work, ask);
  }

  async send(method: string, work: Work, { place = 'plain', headers = {} }: Ask = {}): Promise<Answer> {
    const url = `${this.url}/${place}/${workFor(work)}`;
    const response = await this.browser.fetch(url, { method, headers });
    return readAnswer(response, await response.text());
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
  private constructor(private readonly site: Site) {}

  static async open({
    postgres,
    platform = 'express',
    options,
    providers = [],
    prepare,
    logger,
  }: NotebookOptions): Promise<Notebook> {
    const site = await openApp({
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
      ...(platform === 'fastify' && { createAdapter: createFastify }),
      ...(prepare && { configure: prepare }),
      ...(logger && { logger }),
    });
    return new Notebook(site);
  }

  get app(): INestApplication {
    return this.site.app;
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
    return new Visitor(this.site.url);
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
    await this.site.close();
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
