import { duration, flag, oneOf, section, type Option } from './option.js';
import type { Place } from './place.js';

const ENDPOINTS = ['auto', 'server', 'per-connection', 'per-transaction'] as const;
const READ_ONLY_MEANS = ['auto', 'startup', 'role', 'transaction', 'server'] as const;

/** What stands behind a node's address. */
export type Endpoint = (typeof ENDPOINTS)[number];

/** How a read-only session is made. */
export type ReadOnlyMeans = (typeof READ_ONLY_MEANS)[number];

export const endpoint = (fallback: Endpoint) => oneOf<Endpoint, Endpoint>(ENDPOINTS, fallback);
export const readOnly = (fallback: ReadOnlyMeans) =>
  oneOf<ReadOnlyMeans, ReadOnlyMeans>(READ_ONLY_MEANS, fallback);

/** The cluster as a whole. */
export const CLUSTER = {
  /** `'follow'`: writes move to a promoted node of the list. @default 'none' */
  failover: oneOf(['none', 'follow'], 'none'),
  /** While the primary is down, for a client whose token no replica satisfies: an error, or `'stale'` data. @default '503' */
  whenPrimaryDown: oneOf(['503', 'stale'], '503'),
  /** What is behind an address: one `'server'`, or several, one `'per-connection'` or `'per-transaction'`. @default 'auto' */
  endpoint: endpoint('auto'),
  /** How a session is made read-only: by `'startup'`, `'role'`, `'transaction'` or `'server'`. @default 'auto' */
  readOnly: readOnly('auto'),
  /** Time in ms for which new work for the primary waits when that is down, before it gets 503. @default 2000 with failover 'follow', else 0 */
  primaryWaitMs: waitForPrimary(),
  /** Whether an application whose primary is away starts on its replicas, and only reads until the primary is back. @default false */
  startWithoutPrimary: flag(false),
};

/** Planned switch-overs take 1 to 5 s, and only a primary that is looked for can come soon. */
export function resolveCluster(place: Place) {
  const cluster = section(CLUSTER)(place);
  const { primaryWaitMs = cluster.failover === 'follow' ? 2_000 : 0 } = cluster;
  return Object.freeze({ ...cluster, primaryWaitMs });
}

function waitForPrimary(): Option<number, number | undefined> {
  const read = duration(0, 0);
  return (place) => (place.value === undefined ? undefined : read(place));
}
