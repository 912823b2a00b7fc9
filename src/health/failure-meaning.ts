import type { FailureKind } from '../engine.js';

/**
 * What a failure says about its node.
 *
 * - `gone`: nobody can use it now;
 * - `doubtful`: it may be gone, the next probe will tell;
 * - `misconfigured`: it will refuse us until somebody changes something;
 * - `nothing`: it is alive; the failure is the query's own, or it has more work than it takes.
 */
export type FailureMeaning = 'gone' | 'doubtful' | 'misconfigured' | 'nothing';

/** A probe asks nothing that could fail on a healthy server, but for a conflict with recovery. */
export const FAILED_PROBE_MEANS: Readonly<Record<FailureKind, FailureMeaning>> = {
  connection: 'doubtful',
  'session-ended': 'doubtful',
  starting: 'doubtful',
  timeout: 'doubtful',
  query: 'doubtful',
  'schema-behind': 'doubtful',
  'read-only': 'doubtful',
  unlogged: 'doubtful',
  misconfigured: 'misconfigured',
  overload: 'nothing',
  'recovery-conflict': 'nothing',
};

/** A query that takes too long may be a slow query: a probe is sent, but the node stays what it is. */
export const FAILED_REQUEST_MEANS: Readonly<Record<FailureKind, FailureMeaning>> = {
  connection: 'gone',
  'session-ended': 'nothing',
  starting: 'gone',
  misconfigured: 'misconfigured',
  overload: 'nothing',
  timeout: 'nothing',
  query: 'nothing',
  'schema-behind': 'nothing',
  'read-only': 'nothing',
  unlogged: 'nothing',
  'recovery-conflict': 'nothing',
};

/** Failures of requests after which the node is probed at once. */
export const CALLS_FOR_PROBE: ReadonlySet<FailureKind> = new Set<FailureKind>([
  'connection',
  'session-ended',
  'starting',
  'timeout',
  'misconfigured',
  'read-only',
]);
