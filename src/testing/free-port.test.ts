import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { findFreePort } from './free-port.js';

describe('findFreePort', () => {
  it('finds a port one can listen on, outside the range of outgoing connections', async () => {
    const port = await findFreePort();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    expect(port).toBeLessThan(32_768);
  });
});
