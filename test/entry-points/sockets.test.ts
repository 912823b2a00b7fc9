import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  UseSlave,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { Note, serverOf } from '../support/note.js';
import { optionsFor, PLATFORMS, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import type { Seen } from './message-site.js';

interface Message {
  readonly token?: string;
}

@WebSocketGateway()
class NotesGateway {
  constructor(
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {}

  @SubscribeMessage('plain')
  async plain() {
    return this.answer('plain', await this.look());
  }

  @SubscribeMessage('slave')
  @UseSlave()
  async slave() {
    return this.answer('slave', await this.look());
  }

  @SubscribeMessage('own-writes')
  @UseSlave({ token: (message: Message) => message.token })
  async ownWrites(@MessageBody() _message: Message) {
    return this.answer('own-writes', await this.look());
  }

  @SubscribeMessage('write')
  @ChangesDatabase()
  async write() {
    await this.notes.save({ text: 'by socket' });
    return this.answer('write', { ...(await this.look()), token: await this.selector.token() });
  }

  private answer(event: string, data: Seen) {
    return { event, data };
  }

  private async look(): Promise<Seen> {
    return { server: await serverOf(this.notes), notes: await this.notes.count() };
  }
}

@WebSocketGateway({ path: '/reports' })
@UseSlave()
class ReportsGateway {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @SubscribeMessage('class-slave')
  async report() {
    return { event: 'class-slave', data: { server: await serverOf(this.notes), notes: 0 } };
  }
}

@Controller()
class NotesController {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @Get('here')
  here() {
    return serverOf(this.notes);
  }
}

interface Client {
  ask(event: string, message?: object): Promise<Seen>;
  close(): void;
}

/** Each path has a server of its own, which by default looks a second later what became of connections for the others. */
class PathsAdapter extends IoAdapter {
  override createIOServer(...[port, options]: Parameters<IoAdapter['createIOServer']>) {
    return super.createIOServer(port, { ...options, destroyUpgrade: false } as typeof options);
  }
}

function connectBySocketIo(url: string, path: string): Promise<Client> {
  const socket = io(url, { path: path === '/' ? '/socket.io' : path, transports: ['websocket'] });
  return Promise.resolve({
    ask: (event, message = {}) =>
      new Promise<Seen>((resolve) => {
        socket.once(event, resolve);
        socket.emit(event, message);
      }),
    close: () => socket.close(),
  });
}

async function connectByWs(url: string, path: string): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`);
  await new Promise((resolve) => socket.once('open', resolve));
  return {
    ask: (event, message = {}) =>
      new Promise<Seen>((resolve) => {
        socket.once('message', (text: Buffer) => resolve((JSON.parse(String(text)) as { data: Seen }).data));
        socket.send(JSON.stringify({ event, data: message }));
      }),
    close: () => socket.terminate(),
  };
}

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await startSeededCluster();
});
afterAll(() => cluster?.stop());

const SOCKETS = [
  { library: 'ws', createSockets: (app: INestApplication) => new WsAdapter(app), connect: connectByWs },
  {
    library: 'socket.io',
    createSockets: (app: INestApplication) => new PathsAdapter(app),
    connect: connectBySocketIo,
  },
];
const CASES = SOCKETS.flatMap((sockets) => PLATFORMS.map((platform) => ({ ...sockets, ...platform })));

describe.each(CASES)('a gateway of $library on $platform', ({ createAdapter, createSockets, connect }) => {
  let site: Site;
  let client: Client;

  beforeAll(async () => {
    site = await openApp({
      imports: [ReplicatedModule.forRoot(optionsFor(cluster)), ReplicatedModule.forFeature([Note])],
      providers: [NotesGateway, ReportsGateway],
      controllers: [NotesController],
      createAdapter,
      configure: (app) => app.useWebSocketAdapter(createSockets(app)),
    });
    client = await connect(site.url, '/');
  });
  afterAll(async () => {
    client?.close();
    await site?.app.close();
  });
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  });

  it.each([
    ['plain', 'primary', 'a message uses the primary'],
    ['slave', 'replica', '@UseSlave() on a handler'],
    ['write', 'primary', '@ChangesDatabase()'],
  ])('%s: %s, since %s', async (event, server) => {
    expect((await client.ask(event)).server).toBe(server);
  });

  it('@UseSlave() on a gateway holds for its handlers', async () => {
    const reports = await connect(site.url, '/reports');
    expect((await reports.ask('class-slave')).server).toBe('replica');
    reports.close();
  });

  it('a message reads what its cause wrote, by the token in its payload', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { notes, token } = await client.ask('write');
    expect(await client.ask('own-writes', { token })).toEqual({ server: 'primary', notes });
    expect(await client.ask('own-writes')).toEqual({ server: 'replica', notes: notes - 1 });
  });

  it('requests of the same application are routed as ever', async () => {
    expect(await (await fetch(`${site.url}/here`)).text()).toBe('replica');
  });
});
