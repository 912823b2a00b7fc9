/** The connections of a pool, those being made included. */
export interface Connections {
  /** Ends all at once, so that what hangs on them fails. */
  cut(): void;
  /** The same, and every new one fails at once until `allow` is called. */
  refuse(): void;
  allow(): void;
  /** Remembers what has been heard on each until now. */
  noteHeard(nowMs: number): void;
  /** Ends those on which nothing was heard since a `noteHeard` at `sinceMs` or before. */
  cutUnheard(sinceMs: number): void;
}

/** How many connections a pool has, and how many queries wait for one. */
export interface PoolUsage {
  readonly idle: number;
  readonly used: number;
  readonly pending: number;
}

/** Connections to one node in one kind of session. Nothing is opened before the first `open`. */
export interface Pool {
  readonly connections: Connections;
  /** What TypeORM needs to take connections from it: its driver, which this floor never looks into. */
  open(): Promise<unknown>;
  /** The same, once it is open. */
  readonly driver: unknown;
  /** Ends those that nobody uses at the moment. */
  cutIdle(): void;
  /** Waits for connections in use, then closes; within a bounded time. */
  close(): Promise<void>;
  /** The most connections it may hold. */
  readonly size: number;
  /** `undefined`: it is not open, or its driver does not tell. */
  readonly usage: PoolUsage | undefined;
}
