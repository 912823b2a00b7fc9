import { value, type Option } from './option.js';

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
