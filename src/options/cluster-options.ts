import { isIP } from 'node:net';
import {
  duration,
  flag,
  integer,
  oneOf,
  section,
  text,
  unlessFalse,
  value,
  type Given,
  type Option,
} from './option.js';
import type { Place } from './place.js';

const ENDPOINTS = ['auto', 'server', 'per-connection', 'per-transaction'] as const;
const READ_ONLY_MEANS = ['auto', 'startup', 'role', 'transaction', 'server'] as const;

/** What stands behind a node's address. */
export type Endpoint = (typeof ENDPOINTS)[number];

/** How a read-only session is made. */
export type ReadOnlyMeans = (typeof READ_ONLY_MEANS)[number];

export const endpoint = (preset: Endpoint) => oneOf<Endpoint, Endpoint>(ENDPOINTS, preset);
export const readOnly = (preset: ReadOnlyMeans) =>
  oneOf<ReadOnlyMeans, ReadOnlyMeans>(READ_ONLY_MEANS, preset);

/** TypeORM's options of a connection; whatever the driver takes. */
// oxlint-disable-next-line typescript/no-explicit-any -- instances of classes have no index of `unknown`
export type ConnectionOptions = Readonly<Record<string, any>>;

/** A replica: TypeORM's connection options, a name and a weight. */
export type ReplicaOptions = Given<ReturnType<typeof nodeOptions>> &
  Given<typeof REPLICA> &
  ConnectionOptions;

/** Answers which replicas there are now, all of them. */
export type Discover = () => Promise<readonly ReplicaOptions[]>;

/** The cluster as a whole. */
export const CLUSTER = {
  /** `'follow'`: writes move to a promoted node of the list, at the start as well. @default 'none' */
  failover: oneOf(['none', 'follow'], 'none'),
  /** While the primary is down, for a client whose token no replica satisfies: an error, or `'stale'` data. @default '503' */
  whenPrimaryDown: oneOf(['503', 'stale'], '503'),
  /** What is behind an address: one `'server'`, or several, one `'per-connection'` or `'per-transaction'`. @default 'auto' */
  endpoint: endpoint('auto'),
  /** How a session is made read-only: by `'startup'`, `'role'`, `'transaction'` or `'server'`. @default 'auto' */
  readOnly: readOnly('auto'),
  /** Time in ms for which new work for the primary waits when that is down, before it gets 503. @default 2000 with failover 'follow', else 0 */
  primaryWaitMs: waitForPrimary(),
  /** Answers which replicas there are besides `replicas`: new ones are added, missing ones removed; `discoverByDns(host)` makes one. @default none */
  discover: value<Discover, undefined>(
    {
      is: (given) => typeof given === 'function',
      expected: 'a function that answers replicas, as discoverByDns(host) makes one',
      fix: () => 'A list of replicas goes into replicas.',
    },
    undefined,
  ),
  /** Time in ms from the end of one question to the next. @default 30000 */
  discoverIntervalMs: duration(30_000),
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

/** Observation of the nodes. */
export const MONITOR = {
  /** Time between two probes of a node, in ms, with a jitter of 20 %. @default 1000 */
  intervalMs: duration(1_000),
  /** Time for which a node that is being probed may say nothing, in ms. @default 500 */
  timeoutMs: duration(500),
  /** Lag in ms beyond which a replica is not used while a better one exists. @default 10000 */
  maxLagMs: duration(10_000),
  /** The same in bytes; `false`: no limit. @default false */
  maxLagBytes: unlessFalse(Infinity, integer(Infinity, { min: 1, fix: 'For no limit, write false.' })),
  /** Lag in ms beyond which a replica is not used at all. @default 60000 */
  hardMaxLagMs: duration(60_000),
  /** Time a connection to a replica, or a wait for a free one, may take, in ms. @default 3000 */
  connectTimeoutMs: duration(3_000),
  /**
   * When a replica that has been asked something and says nothing is looked after, in ms, or up to a quarter later: a query
   * that its server is at work on goes on, any other is given up with its connection. @default 30000
   */
  queryTimeoutMs: duration(30_000),
};

/** What a node is that does not say it itself. */
export interface NodeDefaults {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly readOnly: ReadOnlyMeans;
}

/** What labels of metrics, logs and headers take. */
const LABEL = /^[\w.:-]{1,64}$/;
const A_LABEL = 'up to 64 letters, digits or any of . : _ -';

/** Of a node, or of this process. */
export const zone = text(LABEL, A_LABEL, undefined);

/** A name as nodes, zones and groups have them. */
export function isLabel(given: unknown): boolean {
  return typeof given === 'string' && LABEL.test(given);
}

/** What of a node is ours; everything else in it is TypeORM's. */
export const nodeOptions = (defaults: NodeDefaults) => ({
  /** Name in logs, counters and headers. @default 'primary', 'replica-1', 'replica-2', ... */
  name: text(LABEL, A_LABEL, defaults.name),
  /** What is behind its address. @default that of `cluster` */
  endpoint: endpoint(defaults.endpoint),
  /** How a session is made read-only. @default that of `cluster` */
  readOnly: readOnly(defaults.readOnly),
  /** Where it is, for `routing.zone`. @default none */
  zone,
  /** IP address that is dialled in the place of what `host` leads to; `host` stays the name that TLS checks. @default none */
  address: value<string, undefined>(
    { is: (given) => typeof given === 'string' && isIP(given) !== 0, expected: 'an IP address' },
    undefined,
  ),
});

/** What of a replica is ours besides. */
export const REPLICA = {
  /** Share of the reads, relative to the other replicas. @default 1 */
  weight: value<number>(
    {
      is: (weight) => Number.isFinite(weight) && Number(weight) > 0,
      expected: 'a number above 0',
      fix: () => 'For a replica without reads, leave it out of the list.',
    },
    1,
  ),
  /** Sets it apart for handlers with `@UseReplica({ group })` of that name: other reads do not use it. @default none */
  group: text(LABEL, A_LABEL, undefined),
};
