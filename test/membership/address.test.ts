import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres, startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';

let servers: PostgresCluster;
beforeAll(async () => {
  servers = await startCluster({ replicas: 1 });
});
afterAll(() => servers?.stop());

/** The url with a host that no name server knows. */
const unknown = (url: string): string => url.replace('127.0.0.1', 'nowhere.test');

it('a node is dialled at its address, whatever its host leads to', async () => {
  const [primary, replica] = servers.nodes.map(({ url }) => ({ url: unknown(url), address: '127.0.0.1' }));
  const app = await FaultApp.start({
    primary: primary as object,
    replicas: [replica as object],
    synchronize: true,
  });
  try {
    await app.allServe();
    await app.write();
  } finally {
    await app.close();
  }
});

(isPostgres ? it : it.skip)('TLS asks there for the host that the options have', async () => {
  const asked = new Set<string>();
  const server = await serveTls((name) => asked.add(name));
  const { port } = server.address() as AddressInfo;
  const app = await FaultApp.start({
    primary: { url: servers.primary.url },
    replicas: [{ host: 'replicas.db.test', address: '127.0.0.1', port, ssl: { rejectUnauthorized: false } }],
  });
  await app.close();
  server.close();
  expect([...asked]).toEqual(['replicas.db.test']);
});

/** Agrees to speak TLS, and tells which name it was asked for. */
async function serveTls(tell: (name: string) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('S');
      const SNICallback = (name: string, done: (error: Error) => void): void => {
        tell(name);
        done(new Error('no certificate'));
      };
      new TLSSocket(socket, { isServer: true, SNICallback }).on('error', () => socket.destroy());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
