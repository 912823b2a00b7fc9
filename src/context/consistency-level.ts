import type { ConsistencyLevel } from '../routing/resolve-intent.js';
import type { UnitOfWork } from './unit-of-work.js';

/** What the decorators of the unit's handler say, or of one around it; else the level of the module. */
export function levelOf(unit: UnitOfWork, ofModule: ConsistencyLevel): ConsistencyLevel {
  for (let at: UnitOfWork | undefined = unit; at; at = at.parent) {
    const level = at.marks?.handler?.consistency ?? at.marks?.controller?.consistency;
    if (level) return level;
  }
  return ofModule;
}
