import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BACKEND, type PgClient } from '../internals.js';
import { cancelRead } from './cancel.js';

const PID = 4711;
const KEY = -1234567;

describe('a request to cancel', () => {
  let server: Server;
  let stream: Socket;
  let received: Promise<Buffer>;

  beforeAll(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    stream = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(stream, 'connect');
  });
  afterAll(() => {
    stream.destroy();
    server.close();
  });
  beforeEach(() => {
    received = once(server, 'connection').then(async ([socket]) => {
      const [bytes] = (await once(socket as Socket, 'data')) as [Buffer];
      (socket as Socket).destroy();
      return bytes;
    });
  });

  const client = (changes: object): PgClient =>
    ({
      processID: PID,
      secretKey: KEY,
      readyForQuery: false,
      host: 'db.example', // a name that may lead elsewhere by now
      port: 5432,
      connection: { stream },
      [BACKEND]: { serverId: 'a', pid: PID, startedAt: '1', isPooled: false },
      ...changes,
    }) as unknown as PgClient;

  it('goes to where the connection has gone, with the key of its server', async () => {
    cancelRead(client({}));
    const bytes = await received;
    expect([0, 4, 8, 12].map((offset) => bytes.readInt32BE(offset))).toEqual([16, 80_877_102, PID, KEY]);
  });

  it.each([
    ['for a connection that writes', { [BACKEND]: undefined }],
    ['for one that does nothing', { readyForQuery: true }],
    ['for one that is closed', { connection: { stream: { destroyed: true } } }],
    ['for one of another driver', { secretKey: undefined }],
  ])('is not sent %s', async (_what, changes) => {
    cancelRead(client(changes));
    cancelRead(client({ processID: 1 }));
    expect((await received).readInt32BE(8)).toBe(1);
  });
});
