/** What a server says about itself. Every member but the first is `undefined` where the database cannot say it. */
export interface ProbeAnswer {
  readonly inRecovery: boolean;
  /** What a standby has replayed; what a primary has written (corrected, so that a replica can reach it). */
  readonly position?: bigint | undefined;
  readonly timeline?: number | undefined;
  /** Identifies the database cluster: the same on a primary and its replicas. */
  readonly systemId?: string | undefined;
  /** Identifies the server process that answered: address, port, start time. */
  readonly serverId?: string | undefined;
  /** What a standby has received. */
  readonly receivedPosition?: bigint | undefined;
}

/** Asks one node, on a connection of its own which it opens when needed. Made by a database's dialect. */
export interface Prober {
  /** Rejects when there is no answer; need not limit the time. Never called twice at a time. */
  probe(): Promise<ProbeAnswer>;
  /** What the node has sent on the connection so far. */
  readonly bytesHeard: number;
  /** Closes the connection. The prober is not used any more. */
  close(): Promise<void>;
  /** Destroys the connection, without waiting for the server: the next probe opens another. */
  reset(): void;
}

/**
 * What an error says about its node.
 *
 * `session-ended`: the server has ended the session in words of its own, for what this session did or did not do, and is
 * there: the session was idle for too long.
 */
export type FailureKind =
  | 'connection'
  | 'session-ended'
  | 'starting'
  | 'overload'
  | 'misconfigured'
  | 'recovery-conflict'
  | 'timeout'
  | 'query'
  | 'schema-behind'
  | 'read-only'
  | 'unlogged';

/** Tells what kind of failure an error of the driver is. */
export type ClassifyError = (error: unknown) => FailureKind;
