import type { DriverOptions } from '../../../options/resolved-options.js';

/**
 * Tells DBAs whose connections are what for, as `pg_stat_activity.application_name`, unless the user has said that: by
 * `applicationName`, in the URL or by PGAPPNAME, all of which node-postgres prefers.
 */
export function withProgramName(
  options: DriverOptions,
  [cluster, node, session]: readonly [cluster: string, node: string, session: string],
): DriverOptions {
  const name = `nestjs-replicated ${cluster}/${node}/${session}`.slice(0, MAX_BYTES);
  return {
    ...options,
    extra: { fallback_application_name: name, ...(options['extra'] as object | undefined) },
  };
}

/** What PostgreSQL keeps of a name. */
const MAX_BYTES = 63;
