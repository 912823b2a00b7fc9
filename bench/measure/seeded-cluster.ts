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
import { typeOf, type Servers } from '../app/variant.js';
import type { EngineName } from './engines.js';

/** Rows that clients read and change. */
const VERSIONS = 5_000;
const NOTES = 1_000;

const SETTINGS = { max_connections: 300 };

export type SeededCluster = PostgresCluster | MariadbCluster;
export type SeededNode = PostgresNode | MariadbNode;

/** A PostgreSQL cluster with the tables and rows of the benchmarks, on all nodes. */
export async function startSeededCluster(replicas: number): Promise<PostgresCluster> {
  const cluster = await startPostgresCluster({ replicas, settings: SETTINGS });
  await seed(cluster);
  await cluster.primary.query('VACUUM ANALYZE');
  await cluster.waitForReplication();
  return cluster;
}

/** The same of MariaDB, with the function of PostgreSQL by which rows tell who has answered. */
async function startSeededMariadb(replicas: number): Promise<MariadbCluster> {
  const cluster = await startMariadbCluster({ replicas, settings: SETTINGS });
  await cluster.primary.query('CREATE FUNCTION inet_server_port() RETURNS int NO SQL RETURN @@port');
  await seed(cluster);
  await cluster.waitForReplication();
  return cluster;
}

/** The same of a database that is measured beside others. */
export function startSeededEngine(engine: EngineName, replicas: number): Promise<SeededCluster> {
  return engine === 'MariaDB' ? startSeededMariadb(replicas) : startSeededCluster(replicas);
}

export function serversOf(cluster: SeededCluster): Servers {
  const nodes: readonly SeededNode[] = cluster.replicas;
  return { primaryUrl: urlOf(cluster.primary), replicaUrls: nodes.map(urlOf) };
}

/** TypeORM takes the type from the url. */
export function urlOf({ url }: SeededNode): string {
  return url.replace(/^mysql:/, 'mariadb:');
}

async function seed({ primary }: SeededCluster): Promise<void> {
  const url = urlOf(primary);
  const dataSource = new DataSource({ type: typeOf(url), url, entities: ENTITIES, synchronize: true });
  await dataSource.initialize();
  await insertRows(dataSource);
  await dataSource.destroy();
}

async function insertRows(dataSource: DataSource): Promise<void> {
  const notes = Array.from({ length: NOTES }, (_, index) => ({
    title: `Note ${index}`,
    text: 'Some text. '.repeat(20),
  }));
  const versions = Array.from({ length: VERSIONS }, (_, id) => ({ id }));
  await dataSource.getRepository(Note).insert(notes);
  await dataSource.getRepository(Version).insert(versions);
}
