import type { DataSourceOptions } from 'typeorm';
import { drivers } from '../engines/create-engine.js';
import { toDataSourceOptions as plainOptions } from '../options/to-data-source-options.js';
import type { ReplicatedModuleOptions } from './replicated-options.js';

/**
 * TypeORM's own options of the primary, for the data-source file of its CLI, for migrations and seeds. TypeORM would
 * ignore `primary` and dial localhost.
 *
 * ```ts
 * export default new DataSource(toDataSourceOptions(options));
 * ```
 *
 * @throws {@link InvalidOptionsError} as at start-up.
 */
export function toDataSourceOptions(options: ReplicatedModuleOptions): DataSourceOptions {
  return plainOptions(options, drivers) as unknown as DataSourceOptions;
}
