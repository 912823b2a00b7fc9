import type { UnitOfWork } from '../../context/unit-of-work.js';

/** Where tokens go to the clients of units of work. Neither method may reject: the write, or the read, has succeeded. */
export interface TokenSink {
  /** A unit has written; awaited before the write returns to its caller. */
  wrote(unit: UnitOfWork): void | Promise<void>;
  /** A unit has read something newer than its client is known to have seen. */
  read(unit: UnitOfWork): void | Promise<void>;
}

/** For clusters whose units have no clients. */
export const NO_CLIENTS: TokenSink = { wrote: () => undefined, read: () => undefined };
