import type { TcpAddress } from './tcp-proxy.js';

/** How a server shuts down: waiting for clients, ending them, or without a clean shutdown (a crash for its data). */
export type StopMode = 'smart' | 'fast' | 'immediate';

/**
 * One server of a cluster, and what can go wrong with it. Every verb is in effect when it resolves.
 *
 * A verb that cannot be carried out rejects, best with a `TestingError` of the code `ERR_TESTING_NODE_STATE`;
 * `checkHistory` ends with that error.
 *
 * @example
 * class MySqlNode implements FaultyNode {
 *   pauseReplay = () => this.query('STOP REPLICA SQL_THREAD');
 *   resumeReplay = () => this.query('START REPLICA SQL_THREAD');
 *   // ...
 * }
 */
export interface FaultyNode extends Readonly<TcpAddress> {
  /** For reports; differs between the nodes of a cluster. */
  readonly name: string;

  /** Stops applying the primary's log: rows written from now on stay invisible on this replica. */
  pauseReplay(): Promise<void>;
  /** Ends {@link pauseReplay}; without one, nothing happens. */
  resumeReplay(): Promise<void>;
  /** Applies each commit `ms` milliseconds after the primary made it; 0 ends that. Survives restarts. */
  setApplyDelay(ms: number): Promise<void>;

  /** Starts a stopped server on its old port and data, and waits until it accepts connections. */
  start(): Promise<void>;
  /** Stops the server; resolves when it is gone. Default mode `fast`, also where an engine has no other. */
  stop(mode?: StopMode): Promise<void>;
  /** Ends the server as a crash would. It can be started again at once. */
  kill(): Promise<void>;
  /** `stop(mode)` and `start()`. */
  restart(mode?: StopMode): Promise<void>;

  /** Holds all processes of the server without ending them: connections hang, new ones too. */
  freeze(): Promise<void>;
  /** Ends {@link freeze}. */
  thaw(): Promise<void>;

  /** This replica streams from `upstream` (a node, or a proxy in front of one) from now on. */
  follow(upstream: TcpAddress): Promise<void>;
}

/**
 * A primary and its replicas, on which faults can be injected: what `startPostgresCluster` and `startMariadbCluster` start, or a
 * cluster of another database that brings the verbs of {@link FaultyNode}.
 *
 * @example
 * const cluster: FaultyCluster = { primary, replicas: [replica] };
 * await checkHistory({ urls, clients: [cookieClients()], faults: replicaFaults(cluster) });
 */
export interface FaultyCluster {
  /** Where the replicas get their data from when nothing is wrong. */
  readonly primary: FaultyNode;
  readonly replicas: readonly FaultyNode[];
}
