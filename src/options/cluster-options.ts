import { oneOf } from './option.js';

const ENDPOINTS = ['auto', 'server', 'per-connection', 'per-transaction'] as const;
const READ_ONLY_MEANS = ['auto', 'startup', 'role', 'transaction', 'server'] as const;

/** What stands behind a node's address. */
export type Endpoint = (typeof ENDPOINTS)[number];

/** How a read-only session is made. */
export type ReadOnlyMeans = (typeof READ_ONLY_MEANS)[number];

export const endpoint = (preset: Endpoint) => oneOf<Endpoint, Endpoint>(ENDPOINTS, preset);
export const readOnly = (preset: ReadOnlyMeans) =>
  oneOf<ReadOnlyMeans, ReadOnlyMeans>(READ_ONLY_MEANS, preset);

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
};
