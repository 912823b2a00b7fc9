import type { Scope } from '../../context/scope.js';
import type { ClusterWork } from '../../context/unit-of-work.js';
import type { FallbackReason, IntentChoice } from '../../routing/route.js';

/** What a query runner wants. */
export interface Want {
  readonly scope: Scope | undefined;
  /** What the unit of the scope has done on this cluster. */
  readonly work: ClusterWork | undefined;
  readonly choice: IntentChoice;
  /** Set when replicas have failed the query for a reason that all of them share: the primary reads, then. */
  readonly fallback?: FallbackReason;
  /** Of `.primary` and `.replica`, which say the role wherever they are used. */
  readonly isPinned?: boolean;
  /** What it wanted before a transaction moved it to the primary, of which nothing is told until it has written. */
  readonly untold?: Want;
  /** Moved to the primary, since its unit of work has ended before. */
  readonly isAfterwards?: boolean;
  /** Replicas that had not been heard of for too long were asked. */
  readonly wereAsked?: boolean;
  /** Its client is outside of `routing.share`. */
  readonly isOutside?: boolean;
  /** How long the query has waited before its route was found. */
  readonly waitedMs?: number;
}
