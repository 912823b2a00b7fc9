/**
 * For TypeORM's CLI, with PRIMARY_URL set:
 *
 *     NODE_OPTIONS='--import ./scripts/run-sources.mjs' npx typeorm migration:show -d sample-app/data-source.ts
 */
import { toDataSourceOptions } from 'nestjs-replicated';
import { DataSource } from 'typeorm';
import { databaseOptions } from './database-options.js';

const { PRIMARY_URL: primaryUrl } = process.env;
if (primaryUrl === undefined)
  throw new Error('Set PRIMARY_URL: postgresql://user@host/database, or mysql:, or mariadb:.');

export default new DataSource(toDataSourceOptions(databaseOptions({ primaryUrl, replicaUrls: [] })));
