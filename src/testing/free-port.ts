import { createServer } from 'node:net';
import { TestingError } from './testing-error.js';

// Below the ephemeral ranges of Linux (32768-60999) and macOS (49152-65535): no outgoing connection and no
// `listen(0)` of another process takes the port of a node while that node is stopped.
const FIRST_PORT = 15_000;
const PORT_COUNT = 17_000;
const MAX_ATTEMPTS = 50;

/** A port of 127.0.0.1 on which nobody listens right now. Another process may still win the race for it. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (await isFree(port)) return port;
  }
  throw new TestingError(
    'ERR_TESTING_PORT_TAKEN',
    `No free port among ${MAX_ATTEMPTS} tried between ${FIRST_PORT} and ${FIRST_PORT + PORT_COUNT}. ` +
      'Check that this machine allows listening on 127.0.0.1.',
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
