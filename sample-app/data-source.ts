/**
 * For TypeORM's CLI, after a build and with PRIMARY_URL set:
 *
 *     npx typeorm migration:show -d sample-app/dist/data-source.js
 */
import { toDataSourceOptions } from 'nestjs-replicated';
import { DataSource } from 'typeorm';
import { databaseOptions } from './database-options.js';

const { PRIMARY_URL: primaryUrl } = process.env;
if (primaryUrl === undefined)
  throw new Error('Set PRIMARY_URL: postgresql://user@host/database, or mysql:, or mariadb:.');

export default new DataSource(toDataSourceOptions(databaseOptions({ primaryUrl, replicaUrls: [] })));
