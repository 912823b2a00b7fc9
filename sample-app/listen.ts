import type { INestApplication } from '@nestjs/common';

const ATTEMPTS = 20;

/** Listens on `port`, or on the next one that is free, and returns that. */
export async function listen(
  app: INestApplication,
  { port, host, log }: { port: number; host: string; log: (line: string) => void },
): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      await app.listen(port + attempt, host);
      return port + attempt;
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || attempt === ATTEMPTS) throw error;
      log(`Port ${port + attempt} is taken, trying ${port + attempt + 1}`);
    }
  }
}
