import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseInterceptors, type ModuleMetadata } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { MessagePattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedInterceptor,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
  UseSlave,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import { WebSocket } from 'ws';
import { findFreePort } from '../../src/testing/free-port.js';
import { Note, serverOf } from '../support/note.js';
import { optionsFor, openApp, SILENT, startSeededCluster, type Site } from '../support/open-app.js';
import { connectTo, type MessageClient } from './message-client.js';
import type { Seen } from './message-site.js';
import { NodeAdapter, type Exchange } from './node-adapter.js';

let cluster: PostgresCluster;
beforeAll(async () => {
  cluster = await startSeededCluster();
});
afterAll(() => cluster?.stop());
afterEach(async () => {
  await cluster.replicas[0]?.resumeReplay();
  await cluster.waitForReplication();
});

class Notes {
  constructor(
    @InjectReplicatedRepository(Note) readonly notes: ReplicatedRepository<Note>,
    readonly selector: ConnectionSelector,
  ) {}

  async look(): Promise<Seen> {
    const [server, notes] = [await serverOf(this.notes), await this.notes.count()];
    return { server, notes, token: await this.selector.token() };
  }

  write(text: string) {
    return this.notes.save({ text });
  }
}

/** Nothing says of its handlers what they do, but for one. */
@Controller()
@UseInterceptors(ReplicatedInterceptor)
class PlainController {
  constructor(private readonly notes: Notes) {}

  @MessagePattern('stock')
  stock() {
    return this.notes.look();
  }

  @MessagePattern('reports/yearly')
  report() {
    return this.notes.look();
  }

  @MessagePattern('reports/forbidden')
  forbidden() {
    return this.notes.write('forbidden').catch((error: Error) => ({ server: error.message, notes: 0 }));
  }

  @MessagePattern('order')
  async order() {
    await this.notes.write('order');
    return this.notes.look();
  }

  @MessagePattern('decorated')
  @UseSlave({ token: (message: { token?: string }) => message.token })
  decorated() {
    return this.notes.look();
  }
}

const rules = [{ path: '/reports/*name', use: 'replica' }] as const;
const moduleOf = (others: ModuleMetadata): ModuleMetadata => ({
  imports: [
    ReplicatedModule.forRoot(optionsFor(cluster, { routing: { rules, explainHeader: true } })),
    ReplicatedModule.forFeature([Note]),
  ],
  ...others,
  providers: [Notes, ...(others.providers ?? [])],
});

interface Service {
  readonly app: { close(): Promise<unknown>; get: Site['app']['get'] };
}
type Start = (transport: MicroserviceOptions) => Promise<Service>;

const startPure: Start = async (transport) => {
  const module = await Test.createTestingModule(moduleOf({ controllers: [PlainController] }))
    .setLogger(SILENT)
    .compile();
  const app = module.createNestMicroservice<MicroserviceOptions>({ ...transport, logger: SILENT });
  await app.listen();
  return { app };
};
const startHybrid: Start = async (transport) => {
  const site = await openApp({
    ...moduleOf({ controllers: [PlainController] }),
    configure: (app) => app.connectMicroservice<MicroserviceOptions>(transport),
  });
  await site.app.startAllMicroservices();
  return site;
};

describe.each([
  { kind: 'a microservice', start: startPure },
  { kind: 'a hybrid application', start: startHybrid },
])('ReplicatedInterceptor in $kind', ({ start }) => {
  let service: Service;
  let client: MessageClient;
  beforeAll(async () => {
    const transport: MicroserviceOptions = {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: await findFreePort() },
    };
    service = await start(transport);
    client = await connectTo(transport);
  });
  afterAll(async () => {
    await client?.close();
    await service?.app.close();
  });

  it('an undecorated handler uses the primary, as without it', async () => {
    expect(await client.ask('stock', {})).toMatchObject({ server: 'primary' });
  });

  it('an undecorated handler follows the rule for its pattern', async () => {
    expect(await client.ask('reports/yearly', {})).toMatchObject({ server: 'replica' });
  });

  it('a refused write names its handler', async () => {
    const { server } = await client.ask('reports/forbidden', {});
    expect(server).toContain('PlainController.forbidden');
    const { writesUnderReplicaIntent } = service.app.get(ReplicationCluster).stats();
    expect(writesUnderReplicaIntent).toEqual({ 'PlainController.forbidden': 1 });
  });

  it('an undecorated handler that writes has a token to hand on, and reads the primary from then on', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { server, notes, token } = await client.ask('order', {});
    expect(server).toBe('primary');
    expect(await client.ask('decorated', { token: token as string })).toMatchObject({ notes });
    expect(await client.ask('decorated', {})).toMatchObject({ server: 'replica', notes: notes - 1 });
  });
});

describe('ReplicatedInterceptor in a gateway', () => {
  @WebSocketGateway({ path: '/ws' })
  @UseInterceptors(ReplicatedInterceptor)
  class PlainGateway {
    constructor(private readonly notes: Notes) {}

    @SubscribeMessage('reports/live')
    async live() {
      return { event: 'live', data: await this.notes.look() };
    }
  }

  it('an undecorated handler follows the rule for its message', async () => {
    const site = await openApp({
      ...moduleOf({ providers: [PlainGateway] }),
      configure: (app) => app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/ws`);
    try {
      await new Promise((resolve) => socket.once('open', resolve));
      const answer = new Promise((resolve) => socket.once('message', (text) => resolve(String(text))));
      socket.send(JSON.stringify({ event: 'reports/live', data: {} }));
      expect(JSON.parse((await answer) as string)).toMatchObject({ data: { server: 'replica' } });
    } finally {
      socket.close();
      await site.app.close();
    }
  });
});

describe('ReplicatedInterceptor over HTTP', () => {
  @Controller('notes')
  class NotesController {
    constructor(private readonly notes: Notes) {}

    @Get()
    look() {
      return this.notes.look();
    }

    @Get('forbidden')
    forbidden() {
      return this.notes.write('forbidden').catch(({ message }: Error) => message);
    }

    @Post()
    async create() {
      await this.notes.write('created');
      return this.notes.look();
    }
  }
  const everywhere = { provide: APP_INTERCEPTOR, useClass: ReplicatedInterceptor };
  const start = (wrap?: (...node: never[]) => Exchange) =>
    openApp({
      ...moduleOf({ controllers: [NotesController], providers: [everywhere] }),
      ...(wrap && { createAdapter: () => new NodeAdapter(wrap as never) }),
    });

  it.each<[string, ((...node: never[]) => Exchange) | undefined]>([
    ['an adapter of its own', (incoming, outgoing) => ({ request: incoming, response: outgoing })],
    [
      'an adapter of its own that wraps',
      (incoming, outgoing) => ({
        request: Object.create(incoming, { raw: { value: incoming } }) as object,
        response: { raw: outgoing },
      }),
    ],
    ['Express, where the guard has decided before', undefined],
  ])(
    '%s: routes by the method, refuses by name, and clients see what they have written',
    async (_kind, wrap) => {
      const { url, app } = await start(wrap);
      try {
        await cluster.replicas[0]?.pauseReplay();
        const client = request.agent(url);
        const read = await client.get('/notes');
        expect(JSON.parse(read.text)).toMatchObject({ server: 'replica' });
        expect(read.headers['replication-route']).toBe('replica-1; reason=read-method');
        expect((await client.get('/notes/forbidden')).text).toContain(
          'NotesController.forbidden (GET /notes/forbidden)',
        );
        const written = await client.post('/notes');
        expect(written.headers['set-cookie']).toHaveLength(1);
        const { notes } = JSON.parse(written.text) as Seen;
        expect(JSON.parse((await client.get('/notes')).text)).toMatchObject({ server: 'primary', notes });
        expect(JSON.parse((await request(url).get('/notes')).text)).toMatchObject({ server: 'replica' });
      } finally {
        await app.close();
      }
    },
  );

  it('an adapter whose responses are not those of Node: routes by the method, and no token travels', async () => {
    const { url, app } = await start((incoming: { method: string; url: string }, outgoing) => ({
      request: { method: incoming.method, url: incoming.url },
      response: { native: outgoing },
    }));
    try {
      expect(JSON.parse((await request(url).get('/notes')).text)).toMatchObject({ server: 'replica' });
      const written = await request(url).post('/notes');
      expect(JSON.parse(written.text)).toMatchObject({ server: 'primary' });
      expect(written.headers['set-cookie']).toBeUndefined();
    } finally {
      await app.close();
    }
  });
});
