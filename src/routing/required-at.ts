import type { ConsistencyLevel } from './resolve-intent.js';
import { NO_REQUIREMENT, type Requirement } from './route-input.js';

/** What the client's tokens demand at a level of consistency. */
export function requiredAt(level: ConsistencyLevel, required: Requirement): Requirement {
  switch (level) {
    case 'session':
      return required;
    case 'primary':
      return demandsNothing(required) ? NO_REQUIREMENT : PRIMARY_ONLY;
    case 'eventual':
      return NO_REQUIREMENT;
    default:
      return level satisfies never;
  }
}

function demandsNothing({ position, pinnedUntilMs, writtenAtMs }: Requirement): boolean {
  return position === undefined && pinnedUntilMs === undefined && writtenAtMs === undefined;
}

const PRIMARY_ONLY: Requirement = Object.freeze({ pinnedUntilMs: Infinity, pinnedBy: 'level-primary' });
