import type { Lease } from '../cluster/nodes/lease.js';
import type { FailureKind } from '../engine.js';
import { UnavailableError } from '../errors.js';
import type { Want } from '../cluster/routing/router.js';

/** A query that has failed. */
export interface FailedQuery {
  readonly error: unknown;
  readonly sql: string;
  /** What its runner wanted when it was sent. */
  readonly want: Want;
  /** Where it was sent; the session may be elsewhere by now, since queries of one runner can run side by side. */
  readonly lease: Lease | undefined;
  /** Rows have reached the caller, so that it cannot be sent again. */
  readonly hasRows?: boolean;
  /** It had failed before, and this is another attempt. */
  readonly isRepeat?: boolean;
}

/** Kinds after which the connection of a query is dead, or busy without an end. Poolers close those that wait too long. */
const LOSES_CONNECTION: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connection',
  'session-ended',
  'timeout',
  'overload',
]);

/** Whether the connection of a query that failed so cannot be used again. */
export function losesConnection(kind: FailureKind): boolean {
  return LOSES_CONNECTION.has(kind);
}

/** Tells the unit whose query it was, which may answer for it over HTTP. */
export function noteUnavailable({ scope }: Want, error: unknown): void {
  if (error instanceof UnavailableError) scope?.unit.noteUnavailable(error);
}
