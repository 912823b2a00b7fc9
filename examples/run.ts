// npm run example NAME: a cluster, unless PRIMARY_URL names one, and the application of examples/NAME.
import { startMariadbCluster, startPostgresCluster } from 'nestjs-replicated/testing';

const NAMES = ['rest', 'graphql', 'microservice', 'bullmq', 'mariadb'];

const [, , name = ''] = process.argv;
if (!NAMES.includes(name)) throw new Error(`npm run example NAME, one of ${NAMES.join(', ')}`);
if (!process.env['PRIMARY_URL']) await startCluster();
await import(`./${name}/main.ts`);
console.log(`The example listens at http://localhost:${process.env['PORT'] ?? 3000} (Ctrl-C stops it)`);

async function startCluster(): Promise<void> {
  console.log('Starting a cluster ...');
  const cluster = await (name === 'mariadb' ? startMariadbCluster : startPostgresCluster)({ replicas: 1 });
  process.env['PRIMARY_URL'] = cluster.primary.url;
  process.env['REPLICA_URL'] = cluster.replicas[0]?.url;
  // It ends with this process, however that ends.
}
