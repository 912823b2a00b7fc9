import { startPostgresCluster, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { ENTITIES, Note, Version } from '../app/entities.js';
import type { Servers } from '../app/variant.js';

/** Rows that clients read and change. */
const VERSIONS = 5_000;
const NOTES = 1_000;

/** A cluster with the tables and rows of the benchmarks, on all nodes. */
export async function startSeededCluster(replicas: number): Promise<PostgresCluster> {
  const cluster = await startPostgresCluster({ replicas, settings: { max_connections: 300 } });
  const dataSource = new DataSource({
    type: 'postgres',
    url: cluster.primary.url,
    entities: ENTITIES,
    synchronize: true,
  });
  await dataSource.initialize();
  await insertRows(dataSource);
  await dataSource.destroy();
  await cluster.primary.query('VACUUM ANALYZE');
  await cluster.waitForReplication();
  return cluster;
}

export function serversOf(cluster: PostgresCluster): Servers {
  return { primaryUrl: cluster.primary.url, replicaUrls: cluster.replicas.map(({ url }) => url) };
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
