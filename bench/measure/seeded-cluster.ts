import {
  startMariadbCluster,
  startPostgresCluster,
  type MariadbCluster,
  type MariadbNode,
  type PostgresCluster,
  type PostgresNode,
} from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { ENTITIES, Note, Version } from '../app/entities.js';
import { typeOf } from '../app/variant.js';
import type { EngineName } from './engines.js';

/** Rows that clients read and change. */
export const VERSIONS = 5_000;
const NOTES = 1_000;

const SETTINGS = { max_connections: 300 };

export type SeededCluster = PostgresCluster | MariadbCluster;
export type SeededNode = PostgresNode | MariadbNode;

/** A cluster with the tables and rows of the benchmarks, on all nodes. */
export async function startSeeded(engine: EngineName, replicas: number): Promise<SeededCluster> {
  const start = engine === 'MariaDB' ? startMariadbCluster : startPostgresCluster;
  const cluster = await start({ replicas, settings: SETTINGS });
  // The function of PostgreSQL by which rows tell who has answered.
  if (engine === 'MariaDB')
    await cluster.primary.query('CREATE FUNCTION inet_server_port() RETURNS int NO SQL RETURN @@port');
  await seed(urlOf(cluster.primary));
  if (engine === 'PostgreSQL') await cluster.primary.query('VACUUM ANALYZE');
  await cluster.waitForReplication();
  return cluster;
}

/** TypeORM takes the type from the url. */
export function urlOf({ url }: SeededNode): string {
  return url.replace(/^mysql:/, 'mariadb:');
}

async function seed(url: string): Promise<void> {
  const dataSource = new DataSource({ type: typeOf(url), url, entities: ENTITIES, synchronize: true });
  await dataSource.initialize();
  const notes = Array.from({ length: NOTES }, (_, index) => ({
    title: `Note ${index}`,
    text: 'Some text. '.repeat(20),
  }));
  await dataSource.getRepository(Note).insert(notes);
  await dataSource.getRepository(Version).insert(Array.from({ length: VERSIONS }, (_, id) => ({ id })));
  await dataSource.destroy();
}
