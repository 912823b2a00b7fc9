import type { CapturedPosition } from '../../../position.js';
import type { RawRow } from '../internals.js';

/** How a connection that writes asks for the place that replicas must reach to show what was committed. */
export interface PositionQuestion {
  /** To be asked right after a commit. */
  readonly sql: string;
  /** Whether the position alone is left to ask for, so that any connection to the same server can. */
  readonly isAllElseKnown: boolean;
  /** Reads the row of the answer. */
  read(row: RawRow | undefined): CapturedPosition | undefined;
}
