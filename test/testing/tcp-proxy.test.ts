import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTcpProxy, waitUntil, type TcpProxy } from 'nestjs-replicated/testing';

describe('a TCP proxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  const serverSide = new Set<Socket>();
  const clientSide = new Set<Socket>();

  beforeEach(async () => {
    server = await echoServer('', serverSide);
    proxy = await startTcpProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const socket of [...clientSide, ...serverSide]) socket.destroy();
    clientSide.clear();
    serverSide.clear();
    await proxy.close();
    server.close();
  });

  const open = () => openClient(proxy.port, clientSide);

  it('forwards both directions and the end of the stream', async () => {
    const client = await open();
    client.socket.end('hello');
    await once(client.socket, 'end');
    expect(client.received()).toBe('hello');
    await waitUntil(() => proxy.connections === 0);
  });

  it('forwards large amounts in order', async () => {
    const client = await open();
    const sent = Array.from({ length: 400_000 }, (_, index) => index).join(',');
    client.socket.end(sent);
    await once(client.socket, 'end');
    expect(client.received() === sent).toBe(true);
  });

  it('counts how often a client has waited for an answer', async () => {
    const client = await open();
    for (const text of ['one', 'two', 'three']) {
      const before = client.received();
      client.socket.write(text);
      await waitUntil(() => client.received() === before + text);
    }
    expect(proxy.roundTrips).toBe(3);
  });

  it('delays each direction', async () => {
    proxy.delay(60);
    const client = await open();
    const start = performance.now();
    client.socket.write('late');
    await waitUntil(() => client.received() === 'late', { intervalMs: 1 });
    expect(performance.now() - start).toBeGreaterThanOrEqual(119);
    proxy.resume();
  });

  it('delays without losing order or waiting for each piece in turn', async () => {
    proxy.delay(500);
    const client = await open();
    const start = performance.now();
    for (const piece of ['a', 'b', 'c', 'd', 'e']) {
      client.socket.write(piece);
      await sleep(5);
    }
    await waitUntil(() => client.received() === 'abcde', { intervalMs: 1 });
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('delivers after a stall what was sent during it, on old and new connections', async () => {
    const before = await open();
    proxy.stall();
    const during = await open();
    before.socket.write('one');
    during.socket.end('two');
    await sleep(50);
    expect([before.received(), during.received(), proxy.connections]).toEqual(['', '', 2]);
    proxy.resume();
    await waitUntil(() => before.received() === 'one' && during.received() === 'two');
  });

  it('leaves connections dead which went into a black hole, and serves new ones', async () => {
    const before = await open();
    proxy.blackhole();
    const during = await open();
    for (const { socket } of [before, during]) socket.write('lost');
    proxy.resume();
    for (const { socket } of [before, during]) socket.write('lost too');
    const after = await open();
    after.socket.write('served');
    await waitUntil(() => after.received() === 'served');
    await sleep(30);
    expect([before.received(), during.received()]).toEqual(['', '']);
    expect([before.socket.closed, during.socket.closed]).toEqual([false, false]);
    before.socket.end();
    await waitUntil(() => proxy.connections === 2);
  });

  it('resets the connections of this moment only', async () => {
    const before = await open();
    proxy.resetConnections();
    await waitUntil(() => before.error() === 'ECONNRESET');
    const after = await open();
    after.socket.write('served');
    await waitUntil(() => after.received() === 'served');
  });

  it('resets new connections, too, until it resumes', async () => {
    proxy.reset();
    const during = await open();
    await waitUntil(() => during.error() === 'ECONNRESET');
    proxy.resume();
    const after = await open();
    after.socket.write('served');
    await waitUntil(() => after.received() === 'served');
  });

  it('resets clients whose server is not there', async () => {
    server.close();
    const client = await open();
    await waitUntil(() => client.error() === 'ECONNRESET');
  });

  it('sends new connections to another server after retarget()', async () => {
    const other = await echoServer('other:', serverSide);
    proxy.retarget({ host: '127.0.0.1', port: (other.address() as AddressInfo).port });
    const client = await open();
    client.socket.write('hello');
    await waitUntil(() => client.received() === 'other:hello');
    other.close();
  });

  it('rewrites a URL', () => {
    expect(proxy.through('postgresql://app:s%40cret@db.example:5432/shop?sslmode=disable')).toBe(
      `postgresql://app:s%40cret@127.0.0.1:${proxy.port}/shop?sslmode=disable`,
    );
  });
});

async function echoServer(prefix: string, sockets: Set<Socket>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    if (prefix) socket.write(prefix);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

async function openClient(port: number, sockets: Set<Socket>) {
  const socket = connect({ port, host: '127.0.0.1' }).setEncoding('utf8');
  sockets.add(socket);
  let received = '';
  let error: string | undefined;
  socket.on('data', (text: string) => (received += text));
  socket.on('error', (failure: NodeJS.ErrnoException) => (error = failure.code));
  await once(socket, 'connect').catch(() => undefined); // a reset may be faster; it is in `error`
  return { socket, received: () => received, error: () => error };
}
