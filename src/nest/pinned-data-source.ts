import type { DataSource } from 'typeorm';
import type { Intent } from '../routing/route.js';
import { RoutedDataSource } from '../typeorm/routed-data-source.js';

/** A DataSource with one role; one that is not routed serves both. */
export function pinnedDataSource(dataSource: DataSource, intent: Intent): DataSource {
  return dataSource instanceof RoutedDataSource ? dataSource.pinned(intent) : dataSource;
}
