import type { Endpoint, ReadOnlyMeans } from './options.js';
import type { Section } from './section.js';

/** The cluster as a whole, and what its nodes are unless they say it themselves. */
export interface ClusterDefaults {
  readonly failover: 'none' | 'follow';
  readonly whenPrimaryDown: '503' | 'stale';
  readonly endpoint: Endpoint;
  readonly readOnly: ReadOnlyMeans;
}

export function resolveCluster(cluster: Section): ClusterDefaults {
  return {
    failover: cluster.oneOf('failover', ['none', 'follow'], 'none'),
    whenPrimaryDown: cluster.oneOf('whenPrimaryDown', ['503', 'stale'], '503'),
    endpoint: readEndpoint(cluster, 'auto'),
    readOnly: readReadOnly(cluster, 'auto'),
  };
}

export function readEndpoint(section: Section, fallback: Endpoint): Endpoint {
  return section.oneOf('endpoint', ['auto', 'server', 'per-connection', 'per-transaction'], fallback);
}

export function readReadOnly(section: Section, fallback: ReadOnlyMeans): ReadOnlyMeans {
  return section.oneOf('readOnly', ['auto', 'startup', 'role', 'transaction', 'server'], fallback);
}
