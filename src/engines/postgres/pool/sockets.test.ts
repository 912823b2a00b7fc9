import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Sockets } from './sockets.js';

describe('the sockets of a pool', () => {
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    server.close();
  });

  const dial = (sockets: Sockets): { readonly socket: Socket; readonly end: Promise<string> } => {
    const { extra } = sockets.within({ type: 'postgres' }) as { extra: { stream: () => Socket } };
    const socket = extra.stream().connect(port, '127.0.0.1');
    let problem = 'closed';
    socket.on('error', (error) => (problem = error.message));
    const end = new Promise<string>((resolve) => socket.once('close', () => resolve(problem)));
    return { socket, end };
  };

  it('are cut, also while they connect', async () => {
    const sockets = new Sockets();
    const [open, connecting] = [dial(sockets), dial(sockets)];
    await once(open.socket, 'connect');
    const last = dial(sockets);
    sockets.cut();
    expect(await Promise.all([open.end, connecting.end, last.end])).toEqual(['closed', 'closed', 'closed']);
    expect(sockets.size).toBe(0);
  });

  it('are refused until they are allowed again', async () => {
    const sockets = new Sockets();
    sockets.refuse();
    expect(await dial(sockets).end).toMatch(/does not answer its monitor/);
    sockets.allow();
    const { socket, end } = dial(sockets);
    await once(socket, 'connect');
    socket.destroy();
    expect(await end).toBe('closed');
  });

  it('are given up when the server says nothing in time', async () => {
    expect(await dial(new Sockets(30)).end).toMatch(/nothing within 30 ms/);
  });

  it('are cut when nothing was heard for too long, from the first time that they were silent', async () => {
    server.on('connection', (socket) => socket.on('data', () => socket.write('answer')));
    const sockets = new Sockets();
    const [silent, heard] = [dial(sockets), dial(sockets)];
    await Promise.all([once(silent.socket, 'connect'), once(heard.socket, 'connect')]);
    sockets.noteHeard(1_000);
    heard.socket.write('question');
    await once(heard.socket, 'data');
    sockets.noteHeard(2_000);
    sockets.cutUnheard(999);
    expect(sockets.size).toBe(2);
    sockets.cutUnheard(1_000);
    await silent.end;
    expect(sockets.size).toBe(1);
    sockets.cutUnheard(2_000);
    expect(await heard.end).toBe('closed');
  });

  it('leave the user’s own streams in use, and other drivers alone', async () => {
    const own = { within: 'reach' };
    const { extra } = new Sockets().within({ type: 'postgres', extra: { stream: own } });
    expect((extra as { readonly stream: unknown }).stream).toBe(own);
    const mysql = { type: 'mysql' };
    expect(new Sockets().within(mysql)).toBe(mysql);
  });

  it('may be cut when nobody listens to their client, and the user’s own check of new ones still decides', () => {
    type Verify = (client: EventEmitter, done: (error?: Error) => void) => void;
    const refuse: Verify = (_client, done) => done(new Error('not this one'));
    const answers = [undefined, refuse].map((verify) => {
      const options = new Sockets().within({ type: 'postgres', extra: { verify } });
      const client = new EventEmitter();
      let answer: string | undefined = 'not asked';
      (options['extra'] as { verify: Verify }).verify(client, (error) => (answer = error?.message));
      expect(() => client.emit('error', new Error('Connection terminated unexpectedly'))).not.toThrow();
      return answer;
    });
    expect(answers).toEqual([undefined, 'not this one']);
  });

  it('are forgotten when they close', async () => {
    const sockets = new Sockets();
    const { socket, end } = dial(sockets);
    expect(sockets.size).toBe(1);
    socket.destroy();
    await end;
    expect(sockets.size).toBe(0);
  });
});
