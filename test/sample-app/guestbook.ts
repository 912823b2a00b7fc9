import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus, NodeStatus } from '../../sample-app/cluster/cluster-status.js';
import type { Database } from '../../sample-app/cluster/database.js';
import { startEmbeddedDatabase, type EmbeddedEngine } from '../../sample-app/cluster/open-database.js';
import { createApp } from '../../sample-app/create-app.js';
import { Visitor } from './visitor.js';

const PUBLIC_FOLDER = fileURLToPath(new URL('../../sample-app/public', import.meta.url));

/** The sample application on a free port. */
export interface Guestbook {
  readonly url: string;
  readonly database: Database;
  visitor(): Visitor;
  status(): Promise<ClusterStatus>;
  node(name: string): Promise<NodeStatus | undefined>;
  stop(): Promise<void>;
}

/** Over a cluster of its own, unless it is given a database. */
export async function startGuestbook(given: Database | EmbeddedEngine = 'postgres'): Promise<Guestbook> {
  const database = typeof given === 'string' ? await startEmbeddedDatabase(given) : given;
  const app = await createApp(database, PUBLIC_FOLDER);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://localhost:${port}`;
  const status = async () => (await (await fetch(`${url}/cluster`)).json()) as ClusterStatus;
  return {
    url,
    database,
    status,
    visitor: () => new Visitor(url),
    node: async (name) => (await status()).nodes.find((node) => node.name === name),
    stop: async () => {
      await Promise.all([app.close(), database.stop()]);
    },
  };
}
