import { Test, type TestingModule } from '@nestjs/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import {
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  type ReplicatedModuleOptions,
  type Route,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres, startCluster, TYPE } from '../support/database.js';
import type { DataSource } from 'typeorm';

/** A handler that reads. */
class Reader {
  @UseSlave({ ownWrites: true })
  read<T>(fn: () => T): T {
    return fn();
  }
}

/** What differs from one test file to the next. */
export interface RoutedOptions {
  readonly entities: ReplicatedModuleOptions['entities'];
  readonly features?: Parameters<typeof ReplicatedModule.forFeature>[0];
  readonly replicas?: readonly { readonly url: string; readonly name?: string }[];
  readonly more?: Partial<ReplicatedModuleOptions> & object;
}

/** An application with nothing but a routed DataSource, on a real primary and a real replica. */
export interface RoutedDatabase {
  readonly servers: PostgresCluster;
  readonly module: TestingModule;
  readonly dataSource: DataSource;
  readonly selector: ConnectionSelector;
  readonly cluster: ReplicationCluster;
  /** Runs `fn` as a handler that reads, once the replica has all that was written before. */
  reading<T>(fn: () => Promise<T>): Promise<T>;
  /** Runs `fn` and says which routes its queries took. */
  routesOf(fn: () => Promise<unknown>): Promise<readonly Route[]>;
  close(): Promise<void>;
}

/** Starts the servers, if none are given, and an application on them. */
export async function openRouted(options: RoutedOptions, given?: PostgresCluster): Promise<RoutedDatabase> {
  const servers = given ?? (await startCluster({ replicas: 1 }));
  const { entities, features = [], more } = options;
  const replicas = options.replicas ?? servers.replicas.map(({ url }) => ({ url }));
  const module = await Test.createTestingModule({
    imports: [
      ReplicatedModule.forRoot({
        type: TYPE,
        entities,
        synchronize: true,
        ...(!isPostgres && { multipleStatements: true }), // as node-postgres sends them
        monitor: { intervalMs: 1_000, timeoutMs: 1_000 }, // these tests are not about slow servers, and share a machine with others
        primary: { url: servers.primary.url },
        replicas,
        ...more,
      } as ReplicatedModuleOptions),
      ReplicatedModule.forFeature(features),
    ],
  }).compile();
  module.useLogger(false);
  await servers.waitForReplication();
  const selector = module.get(ConnectionSelector);
  const cluster = module.get(ReplicationCluster);
  await waitUntil(() => cluster.nodes.every(({ state }) => state !== 'connecting'), { timeoutMs: 5_000 });
  return {
    servers,
    module,
    dataSource: module.get(getDataSourceToken()),
    selector,
    cluster,
    async reading(fn) {
      await servers.waitForReplication();
      return new Reader().read(fn);
    },
    async routesOf(fn) {
      const routes: Route[] = [];
      const stop = cluster.onRoute((route) => routes.push(route));
      try {
        await fn();
      } finally {
        stop();
      }
      return routes;
    },
    async close() {
      await module.close();
      if (!given) await servers.stop();
    },
  };
}
