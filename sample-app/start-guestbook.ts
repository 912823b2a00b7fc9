import { setTimeout as sleep } from 'node:timers/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Database } from './cluster/database.js';
import { openDatabase } from './cluster/open-database.js';

export interface GuestbookSettings {
  readonly env: NodeJS.ProcessEnv;
  readonly publicFolder: string;
  readonly log: (line: string) => void;
}

/** A running guestbook. */
export interface Guestbook {
  readonly port: number;
  stop(): Promise<void>;
}

/** Opens the database, migrates it, and serves the pages. */
export async function startGuestbook({ env, publicFolder, log }: GuestbookSettings): Promise<Guestbook> {
  const loaded = Promise.all([import('./create-app.js'), import('./listen.js')]);
  loaded.catch(() => undefined); // looked at below, once there is a database to stop
  const database = await openDatabase(env, log);
  try {
    const [{ createApp }, { listen }] = await loaded;
    log('Migrating, and waiting for the replicas ...');
    const app = await createApp(database, publicFolder);
    const host = env['HOST'] ?? '127.0.0.1'; // the fault buttons are nothing for the network
    const port = await listen(app, { port: Number(env['PORT'] ?? 3000), host, log });
    return { port, stop: () => stop(app, database) };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function stop(app: NestExpressApplication, database: Database): Promise<void> {
  const closed = app.close();
  // Connections to a node in a black hole end only with the node.
  await Promise.race([closed, sleep(1_000)]);
  await database.stop();
  await closed;
}
