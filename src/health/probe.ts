import type { FailureKind, ProbeAnswer } from '../engine.js';

/** Asks one node, on a connection of its own which it opens when needed. Made by a database's engine. */
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

/** Tells what kind of failure an error of the driver is. */
export type ClassifyError = (error: unknown) => FailureKind;
