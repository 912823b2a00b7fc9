import { allowConnecting } from './driver/refuse-connecting.js';
import type { KnownDrivers } from './driver/driver-rules.js';
import { resolveOptions } from './resolve-options.js';
import { isRecord } from './place.js';

/**
 * TypeORM's own options of the primary, for the data-source file of its CLI, migrations and seeds: TypeORM ignores
 * keys such as `primary` and would dial localhost.
 *
 * @throws {@link InvalidOptionsError} as at start-up.
 *
 * ```ts
 * export default new DataSource(toDataSourceOptions(options, drivers));
 * ```
 */
export function toDataSourceOptions(options: unknown, drivers: KnownDrivers): Record<string, unknown> {
  const { dataSource } = resolveOptions(allowConnecting(options), drivers);
  const { extra } = dataSource;
  return { ...dataSource, ...(isRecord(extra) && { extra: { ...extra } }) };
}
