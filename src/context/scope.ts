import type { Intent } from '../routing/route.js';
import type { UnitOfWork } from './unit-of-work.js';

/** A stretch of code inside a unit of work, perhaps with an intent of its own for one cluster. */
export interface Scope {
  readonly unit: UnitOfWork;
  readonly explicit?: { readonly cluster: string; readonly intent: Intent };
  readonly outer?: Scope;
}

/** The intent of the innermost explicit block for `cluster`, if code stands in one. */
export function explicitIntent(scope: Scope, cluster: string): Intent | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    if (at.explicit?.cluster === cluster) return at.explicit.intent;
  }
  return undefined;
}
