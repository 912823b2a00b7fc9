import type { BreakableNode } from './breakable-node.js';

/** Where the guestbook's data are, and what of it can be broken for show. */
export interface Database {
  readonly primaryUrl: string;
  readonly replicaUrls: readonly string[];
  /** Empty for a real cluster. */
  readonly breakable: readonly BreakableNode[];
  stop(): Promise<void>;
}
