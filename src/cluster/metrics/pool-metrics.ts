import type { Session } from '../nodes/cluster-node.js';
import type { PoolUsage } from '../../connector.js';
import type { Topology } from '../nodes/topology.js';
import type { MetricDefinition } from './metric.js';

/** Whose pools are measured. */
export interface PoolsSource {
  readonly topology: Topology;
}

const SESSIONS: readonly Session[] = ['writable', 'read-only'];
const POOL_NAME = 'db.client.connection.pool.name';
const STATE = 'db.client.connection.state';

/** Of OpenTelemetry's semantic conventions. A pool that was never needed is not there. */
export const POOL_METRICS: readonly MetricDefinition<PoolsSource>[] = [
  {
    name: 'db.client.connection.count',
    kind: 'gauge',
    unit: '{connection}',
    help: 'Connections of a pool by their state: idle or used.',
    labels: [POOL_NAME, STATE],
    *read(source) {
      for (const [name, { idle, used }] of pools(source)) {
        yield [[name, 'idle'], idle];
        yield [[name, 'used'], used];
      }
    },
  },
  {
    name: 'db.client.connection.max',
    kind: 'gauge',
    unit: '{connection}',
    help: 'The most connections that a pool may hold.',
    labels: [POOL_NAME],
    *read(source) {
      for (const [name, , size] of pools(source)) yield [[name], size];
    },
  },
  {
    name: 'db.client.connection.pending_requests',
    kind: 'gauge',
    unit: '{request}',
    help: 'Queries that wait for a connection of a pool.',
    labels: [POOL_NAME],
    *read(source) {
      for (const [name, { pending }] of pools(source)) yield [[name], pending];
    },
  },
];

/** The open pools, by the names of node and session. */
function* pools({
  topology,
}: PoolsSource): Iterable<readonly [name: string, usage: PoolUsage, size: number]> {
  for (const node of topology.allNodes) {
    for (const session of SESSIONS) {
      const { usage, size } = node.pools[session];
      if (usage) yield [`${node.name}/${session}`, usage, size];
    }
  }
}
