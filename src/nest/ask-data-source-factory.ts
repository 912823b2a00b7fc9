import type { DataSource } from 'typeorm';
import { ownDataSourceError, refuseConnecting } from '../options/driver/refuse-connecting.js';
import { RoutedDataSource } from '../typeorm/routed-data-source.js';
import { createDataSource } from './composition/create-data-source.js';
import type { ReplicatedModuleAsyncOptions, ReplicatedModuleOptions } from './replicated-options.js';

type DataSourceFactory = NonNullable<ReplicatedModuleAsyncOptions['dataSourceFactory']>;

/**
 * Has a user's `dataSourceFactory` make the DataSource.
 *
 * @throws {@link InvalidOptionsError} if it makes one by itself: of our options before that one connects, of others
 * afterwards.
 */
export async function askDataSourceFactory(
  factory: DataSourceFactory,
  options: ReplicatedModuleOptions,
): Promise<DataSource> {
  const made = await factory(refuseConnecting(options), createDataSource);
  if (made instanceof RoutedDataSource) return made;
  // The factory may also have made it of an address that it knows. A failure to close it must not hide the refusal.
  if (made?.isInitialized) await Promise.allSettled([made.destroy()]);
  throw ownDataSourceError();
}
