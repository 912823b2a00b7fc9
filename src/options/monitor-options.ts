import { duration, integer, unlessFalse } from './option.js';

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
  /** Time a replica that has been asked something may say nothing, in ms; its connection is given up by a quarter later. @default 30000 */
  queryTimeoutMs: duration(30_000),
};
