import type { NodeSnapshot, NodeState } from '../../routing/node-snapshot.js';
import { MODES } from '../../options/routing-options.js';
import type { Clock } from '../../clock.js';
import type { Role } from '../../routing/route.js';
import type { ClusterEventName } from '../events/cluster-events.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Topology } from '../nodes/topology.js';
import type { Rollout } from '../routing/rollout.js';
import type { Router } from '../routing/router.js';
import type { Sleep } from '../watch/sleep.js';
import { metricsOf, type Metric, type MetricDefinition } from './metric.js';
import { POOL_METRICS } from './pool-metrics.js';

/** What is measured. */
export interface MetricsSource {
  readonly topology: Topology;
  readonly counters: RouteCounters;
  readonly router: Pick<Router, 'permits'>;
  readonly rollout: Pick<Rollout, 'mode' | 'share'>;
  readonly clock: Clock;
  readonly sleep: Pick<Sleep, 'isDue'> | undefined;
}

/** Options of `ReplicationCluster.metrics`. */
export interface MetricsOptions {
  /** Of the connection pools, too: those of OpenTelemetry's semantic conventions. @default false */
  readonly pools?: boolean;
}

/** The metrics of a cluster. */
export function clusterMetrics(
  source: MetricsSource,
  cluster: string,
  { pools = false }: MetricsOptions,
): readonly Metric[] {
  const ofPools = pools ? metricsOf(POOL_METRICS, source, cluster) : [];
  return [...metricsOf(CLUSTER_METRICS, source, cluster), ...ofPools];
}

const CLUSTER_METRICS: readonly MetricDefinition<MetricsSource>[] = [
  {
    name: 'nestjs_replicated.routes',
    kind: 'counter',
    unit: '{query}',
    help: 'Queries by the server that got them and the reason. A transaction counts once.',
    labels: ['role', 'node', 'reason'],
    *read({ counters }) {
      for (const [{ role, node, reason }, count] of counters.eachRoute()) yield [[role, node, reason], count];
    },
  },
  {
    name: 'nestjs_replicated.stale_reads',
    kind: 'counter',
    unit: '{query}',
    help: 'Reads that knowingly show, or may show, less than client, unit or handler have a right to.',
    labels: ['cause'],
    read: ({ counters }) => byLabel(counters.staleReads),
  },
  {
    name: 'nestjs_replicated.verified_reads',
    kind: 'counter',
    unit: '{query}',
    help: 'Reads let through by a token whose connection was asked for its position, by what it has said.',
    labels: ['outcome'],
    read: ({ counters }) => byLabel(counters.verifiedReads),
  },
  {
    name: 'nestjs_replicated.outside_zone',
    kind: 'counter',
    unit: '{query}',
    help: 'Reads of replicas that are not in the zone of this process.',
    labels: [],
    read: ({ counters }) => [[[], counters.outsideZone]],
  },
  {
    name: 'nestjs_replicated.retries',
    kind: 'counter',
    unit: '{query}',
    help: 'Reads that have failed on a node and were sent again, by the kind of failure.',
    labels: ['kind', 'node'],
    *read({ counters, topology }) {
      const missing = new Set(topology.allNodes.map(({ name }) => name));
      for (const [node, kind, count] of counters.eachRetry()) {
        if (kind === USUAL_FAILURE) missing.delete(node);
        yield [[kind, node], count];
      }
      for (const node of missing) yield [[USUAL_FAILURE, node], 0];
    },
  },
  {
    name: 'nestjs_replicated.refused_writes',
    kind: 'counter',
    unit: '{write}',
    help: 'Writes that were refused under replica intent.',
    labels: [],
    read: ({ counters }) => [[[], counters.refusedWrites]],
  },
  {
    name: 'nestjs_replicated.promoted_writes',
    kind: 'counter',
    unit: '{write}',
    help: 'Writes under replica intent that were moved to the primary.',
    labels: [],
    read: ({ counters }) => [[[], counters.promotedWrites]],
  },
  {
    name: 'nestjs_replicated.tokens',
    kind: 'counter',
    unit: '{token}',
    help: 'Tokens of clients by what became of them.',
    labels: ['fate'],
    read: ({ counters }) => byLabel({ captured: 0, issued: 0, satisfied: 0, ...counters.read().tokens }),
  },
  {
    name: 'nestjs_replicated.fallback.active',
    kind: 'gauge',
    unit: '{query}',
    help: 'Reads of replica intent that the primary serves now.',
    labels: [],
    read: ({ router }) => [[[], router.permits.semaphore.active]],
  },
  {
    name: 'nestjs_replicated.fallback.pending',
    kind: 'gauge',
    unit: '{query}',
    help: 'Reads of replica intent that wait for the primary to serve them.',
    labels: [],
    read: ({ router }) => [[[], router.permits.semaphore.pending]],
  },
  {
    name: 'nestjs_replicated.node.state',
    kind: 'gauge',
    unit: '',
    help: 'State of a node: 1 for the one that it is in, 0 for all others.',
    labels: ['node', 'role', 'state'],
    *read({ topology }) {
      for (const { name, role, state } of topology.snapshots) {
        for (const one of STATES) yield [[name, role, one], one === state ? 1 : 0];
      }
    },
  },
  {
    name: 'nestjs_replicated.node.lag',
    kind: 'gauge',
    unit: 's',
    help: 'How far the data of a node are behind the primary; missing while it is not known.',
    labels: ['node'],
    read: (source) => byNode(source, ({ lagMs }) => lagMs && lagMs / 1_000),
  },
  {
    name: 'nestjs_replicated.node.lag.bytes',
    kind: 'gauge',
    unit: 'By',
    help: 'The same in bytes of the log.',
    labels: ['node'],
    read: (source) => byNode(source, ({ lagBytes }) => lagBytes),
  },
  {
    name: 'nestjs_replicated.node.seen_age',
    kind: 'gauge',
    unit: 's',
    help: 'How long ago the monitor has last got an answer of a node. Missing while the monitor sleeps.',
    labels: ['node'],
    read: (source) =>
      source.sleep?.isDue
        ? []
        : byNode(source, ({ seenAtMs }) => seenAtMs && Math.max(0, source.clock.now() - seenAtMs) / 1_000),
  },
  {
    name: 'nestjs_replicated.node.transitions',
    kind: 'counter',
    unit: '{event}',
    help: 'What has happened to a node: the events of the cluster.',
    labels: ['node', 'event'],
    *read({ counters, topology }) {
      const counted = new Set<string>();
      for (const [node, event, count] of counters.eachTransition()) {
        counted.add(`${event} ${node}`);
        yield [[node, event], count];
      }
      for (const { name, role } of topology.snapshots) {
        for (const event of USUAL_EVENTS[role])
          if (!counted.has(`${event} ${name}`)) yield [[name, event], 0];
      }
    },
  },
  {
    name: 'nestjs_replicated.mode',
    kind: 'gauge',
    unit: '',
    help: 'routing.mode: 1 for the one in force, 0 for all others.',
    labels: ['mode'],
    *read({ rollout }) {
      for (const mode of MODES) yield [[mode], mode === rollout.mode ? 1 : 0];
    },
  },
  {
    name: 'nestjs_replicated.share',
    kind: 'gauge',
    unit: '',
    help: 'routing.share: the share of clients whose reads may use replicas.',
    labels: [],
    read: ({ rollout }) => [[[], rollout.share]],
  },
];

// These are there from the start, at 0, so that the first one is seen as an increase.
const USUAL_FAILURE = 'connection';
const USUAL_EVENTS: Readonly<Record<Role, readonly ClusterEventName[]>> = {
  primary: ['primaryLost', 'primaryRecovered'],
  replica: ['replicaEjected', 'replicaRecovered'],
};

/** Every state: the compiler misses none. */
const STATES = Object.keys({
  connecting: true,
  usable: true,
  lagging: true,
  stale: true,
  suspect: true,
  unreachable: true,
  misconfigured: true,
  'is-primary': true,
  'is-replica': true,
  draining: true,
} satisfies Record<NodeState, true>);

function* byLabel(
  counts: Readonly<Record<string, number>>,
): Iterable<readonly [labels: readonly string[], value: number]> {
  for (const [label, count] of Object.entries(counts)) yield [[label], count];
}

function* byNode(
  { topology }: MetricsSource,
  valueOf: (snapshot: NodeSnapshot) => number | undefined,
): Iterable<readonly [labels: readonly string[], value: number]> {
  for (const snapshot of topology.snapshots) {
    const value = valueOf(snapshot);
    if (value !== undefined) yield [[snapshot.name], value];
  }
}
