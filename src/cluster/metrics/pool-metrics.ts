import type { Session } from '../nodes/cluster-node.js';
import type { PoolUsage } from '../nodes/pool.js';
import type { Topology } from '../nodes/topology.js';
import type { MetricDefinition } from './metric.js';

const SESSIONS: readonly Session[] = ['writable', 'read-only'];
const POOL_NAME = 'db.client.connection.pool.name';
const STATE = 'db.client.connection.state';

/** Of OpenTelemetry's semantic conventions. A pool that was never needed is not there. */
export const POOL_METRICS: readonly MetricDefinition<Topology>[] = [
  {
    name: 'db.client.connection.count',
    kind: 'gauge',
    unit: '{connection}',
    help: 'Connections of a pool by their state: idle or used.',
    labels: [POOL_NAME, STATE],
    *read(topology) {
      for (const [name, { idle, used }] of pools(topology)) {
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
    *read(topology) {
      for (const [name, , size] of pools(topology)) yield [[name], size];
    },
  },
  {
    name: 'db.client.connection.pending_requests',
    kind: 'gauge',
    unit: '{request}',
    help: 'Queries that wait for a connection of a pool.',
    labels: [POOL_NAME],
    *read(topology) {
      for (const [name, { pending }] of pools(topology)) yield [[name], pending];
    },
  },
];

/** The open pools, by the names of node and session. */
function* pools(topology: Topology): Iterable<readonly [name: string, usage: PoolUsage, size: number]> {
  for (const node of topology.nodes) {
    for (const session of SESSIONS) {
      const pool = node.pool(session);
      if (pool.usage) yield [`${node.name}/${session}`, pool.usage, pool.size];
    }
  }
}
