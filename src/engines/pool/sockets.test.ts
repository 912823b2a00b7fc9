import { once } from 'node:events';
import { createServer, Socket, type AddressInfo, type Server } from 'node:net';
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
    const socket = sockets.add(new Socket()).connect(port, '127.0.0.1');
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

  it('fail at once while the pool is shut, until it is reopened', async () => {
    const sockets = new Sockets();
    sockets.shut();
    expect(await dial(sockets).end).toMatch(/does not answer its monitor/);
    sockets.reopen();
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

  it('are forgotten when they close', async () => {
    const sockets = new Sockets();
    const { socket, end } = dial(sockets);
    expect(sockets.size).toBe(1);
    socket.destroy();
    await end;
    expect(sockets.size).toBe(0);
  });
});
