/** Connections to one node in one kind of session. Nothing is opened before the first `open`. */
export interface Pool {
  /** What TypeORM needs to take connections from it: its driver, which this floor never looks into. */
  open(): Promise<unknown>;
  /** Ends all connections at once, those being made included, so that what hangs on them fails. */
  cut(): void;
  /** The same, and every new connection fails at once until `allow` is called. */
  refuse(): void;
  allow(): void;
  /** Waits for connections in use, then closes; within a bounded time. */
  close(): Promise<void>;
  /** The most connections it may hold. */
  readonly size: number;
}
