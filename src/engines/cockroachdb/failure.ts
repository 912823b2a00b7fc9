import type { FailureKind } from '../../engine.js';
import { classifyPgFailure, messageOfDriver } from '../pg/failure.js';

/** A text has begun a transaction that may write on a session with follower reads. */
const MAY_WRITE = /AS OF SYSTEM TIME specified with READ WRITE mode/i;

/**
 * Its codes are PostgreSQL's. But a transaction that is to be begun again (40001) has met another one, on any node: TypeORM's
 * runner repeats it, and no other server would do better.
 */
export function classifyCockroachFailure(error: unknown): FailureKind {
  if (MAY_WRITE.test(messageOfDriver(error))) return 'read-only';
  const kind = classifyPgFailure(error);
  return kind === 'recovery-conflict' ? 'query' : kind;
}
