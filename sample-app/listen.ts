import { once } from 'node:events';
import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';

const ATTEMPTS = 20;

/** Listens on `port`, or on the next one that is free, and returns that. */
export async function listen(
  app: INestApplication,
  { port, host, log }: { port: number; host: string; log: (line: string) => void },
): Promise<number> {
  await app.init();
  // Not app.listen(), which logs a port that is taken as an error.
  const server: Server = app.getHttpServer();
  for (let attempt = 0; ; attempt++) {
    try {
      await once(server.listen(port + attempt, host), 'listening');
      return port + attempt;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || attempt === ATTEMPTS) throw error;
      log(`Port ${port + attempt} is taken, trying ${port + attempt + 1}`);
    }
  }
}
