import { endpoint, readOnly, type Endpoint, type ReadOnlyMeans } from './cluster-options.js';
import { text, value, type Option } from './option.js';

/** What a node is that does not say it itself. */
export interface NodeDefaults {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly readOnly: ReadOnlyMeans;
}

/** What of a node is ours; everything else in it is TypeORM's. */
export const nodeOptions = (defaults: NodeDefaults) => ({
  /** Name in logs, counters and headers. @default 'primary', 'replica-1', 'replica-2', ... */
  name: text(/^[\w.:-]{1,64}$/, 'up to 64 letters, digits or any of . : _ -', defaults.name),
  /** What is behind its address. @default that of `cluster` */
  endpoint: endpoint(defaults.endpoint),
  /** How a session is made read-only. @default that of `cluster` */
  readOnly: readOnly(defaults.readOnly),
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
};

/** A session that `onConnect` sets up. */
export interface NewSession {
  /** Name of its node. */
  readonly node: string;
  readonly session: 'writable' | 'read-only';
}

/** The type of a method, so that the function may name its driver's connection: `(client: PoolClient) => ...`. */
export type OnConnect = {
  setUp(connection: { query(sql: string): Promise<unknown> }, about: NewSession): unknown;
}['setUp'];

/** Has a name so that the published typings keep that of {@link OnConnect}: written out, it would be strict. */
interface OnConnectOption extends Option<OnConnect, OnConnect | undefined> {}

const onConnect: OnConnectOption = value(
  { is: (given) => typeof given === 'function', expected: 'a function (connection, { node, session })' },
  undefined,
);

/** What the sessions of all nodes have in common. */
export const SESSIONS = {
  /** Sets up every new session that queries use, on every node: role, tenant, time zone. Awaited for `monitor.connectTimeoutMs`. @default none */
  onConnect,
};
