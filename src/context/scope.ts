import type { Intent } from '../routing/route.js';
import type { UnitOfWork } from './unit-of-work.js';

/** What a block of code says of one cluster. */
export interface Explicit {
  readonly cluster: string;
  readonly intent: Intent;
  /** A block that reads a replica is over: what goes on in its context reads there, and may write. */
  hasEnded?: boolean;
}

/** A stretch of code inside a unit of work, perhaps with an intent of its own for one cluster. */
export interface Scope {
  readonly unit: UnitOfWork;
  readonly explicit?: Explicit;
  readonly outer?: Scope;
}

/** The intent of the innermost explicit block for `cluster`, if code stands in one. */
export function explicitIntent(scope: Scope, cluster: string): Intent | undefined {
  return explicitOf(scope, cluster)?.intent;
}

/**
 * Whether what asked for a replica here has ended: the block of code, or else the unit's handler. What goes on in its
 * context, such as a timer that it has started for others, may write.
 */
export function hasEnded(scope: Scope, cluster: string): boolean {
  const explicit = explicitOf(scope, cluster);
  return explicit ? explicit.hasEnded === true : scope.unit.hasEnded;
}

function explicitOf(scope: Scope, cluster: string): Explicit | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    if (at.explicit?.cluster === cluster) return at.explicit;
  }
  return undefined;
}
