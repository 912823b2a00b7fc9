import { ReplicaWriteError } from '../errors.js';
import type { Want } from '../cluster/routing/router.js';

/** The error for a write under replica intent, with all that is known of where it happened. */
export function refusal(statement: string, want: Want, cause?: unknown): ReplicaWriteError {
  const unit = want.scope?.unit;
  const details = {
    statement,
    handler: unit?.handler,
    method: unit?.request?.method,
    path: unit?.request?.path,
    fix: want.choice.reason === 'explicit' ? EXPLICIT_FIX : undefined,
  };
  return new ReplicaWriteError(details, cause === undefined ? undefined : { cause });
}

const EXPLICIT_FIX =
  'Inside `.replica` and `useReplica` nothing can be written: use the repository itself, or `.primary`.';
