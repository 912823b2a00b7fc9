import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { TcpLink } from './tcp-link.js';

describe('a link that is reset while it passes on the end of a connection', () => {
  it('closes both sides', async () => {
    const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const dial = async (): Promise<[Socket, Socket]> => {
      const accepted = once(listener, 'connection') as Promise<[Socket]>;
      const dialled = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      return [dialled, (await accepted)[0]];
    };
    const [client, fromClient] = await dial();
    const [toServer, server] = await dial();
    const link = new TcpLink(fromClient, toServer, { delayMs: () => 0, onClose: () => undefined });
    const closed = Promise.all([fromClient, toServer].map((socket) => once(socket, 'close')));
    fromClient.on('end', () => link.reset()); // right behind the link's own listener
    for (const socket of [client, server]) socket.on('error', () => undefined).resume();
    client.end();
    expect(await closed).toHaveLength(2);
    for (const socket of [client, server]) socket.destroy();
    listener.close();
  });
});
