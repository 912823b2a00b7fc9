import { isSessionSetUpError, NoReplicaAvailableError, PrimaryUnavailableError } from '../../errors.js';
import type { Lease } from '../nodes/lease.js';
import { messageOf } from '../../message-of.js';
import type { Engine, FailureKind } from '../../engine.js';
import { storage } from '../../context/storage.js';
import { RETRIES, type RetryMessage } from '../metrics/channels.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Route } from '../../routing/route.js';
import type { Topology } from '../nodes/topology.js';

// Kinds after which the same read may succeed on another server.
const REPEATABLE = new Set<FailureKind>([
  'connection',
  'session-ended',
  'starting',
  'overload',
  'recovery-conflict',
  'schema-behind',
  'unlogged',
]);
// Kinds after which a read that had fallen back to the primary tries the replicas that have come back or caught up.
const LOST = new Set<FailureKind>(['connection', 'starting']);
// The same of a query that was under way there: the primary itself is well.
const REPEATABLE_FROM_PRIMARY = new Set<FailureKind>([...LOST, 'session-ended']);
// Kinds which say something of the server, not of the query.
const OF_SERVER = new Set<FailureKind>([
  'connection',
  'session-ended',
  'starting',
  'misconfigured',
  'timeout',
  'read-only',
]);

/** What judging failures needs. */
export interface FailuresDeps {
  readonly options: { readonly name: string };
  readonly topology: Topology;
  readonly counters: RouteCounters;
  readonly engine: Pick<Engine, 'classify'>;
  /** Told when `onConnect` has failed. */
  readonly onSetUpFailed: (error: unknown) => void;
}

/** What failures of queries and connections mean for the node, for the query and for the caller. */
export class Failures {
  constructor(private readonly deps: FailuresDeps) {}

  /** Tells the node's observer of a failed query. */
  report(lease: Lease, error: unknown): FailureKind {
    const kind = this.kindOf(error, lease);
    const isRefusedOnReader = kind === 'read-only' && lease.session === 'read-only';
    // What the application does with a session says nothing of the server.
    if (isSessionSetUpError(error)) this.deps.onSetUpFailed(error);
    else if (OF_SERVER.has(kind) && !isRefusedOnReader)
      lease.node.observer.reportFailure(kind, messageOf(error));
    if (kind !== 'session-ended' || lease.isSessionEnded) return kind;
    lease.isSessionEnded = true;
    // Pools hand out what was used last: those that lie there have been idle for longer, and end as well.
    lease.pool.cutIdle();
    return kind;
  }

  private kindOf(error: unknown, lease: Lease): FailureKind {
    const kind = this.deps.engine.classify(error);
    return kind === 'connection' && lease.isSessionEnded ? 'session-ended' : kind;
  }

  /** Whether a failed read may be sent again elsewhere: on a read-only session nothing can have been applied. */
  mayRepeat(kind: FailureKind, lease: Lease): boolean {
    if (lease.session === 'writable') return false;
    const repeatable = lease.route.role === 'primary' ? REPEATABLE_FROM_PRIMARY : REPEATABLE;
    return this.goesOn(kind, lease, repeatable.has(kind));
  }

  /** Whether to ask another server for a connection. Nothing was sent yet, so whatever a replica's failed of will do. */
  mayMoveOn(lease: Lease, error: unknown): boolean {
    const kind = this.report(lease, error);
    if (lease.session === 'writable') return false;
    return this.goesOn(kind, lease, lease.route.role === 'replica' || LOST.has(kind));
  }

  private goesOn(kind: FailureKind, { route }: Lease, isAllowed: boolean): boolean {
    if (isAllowed) this.noteRetry(kind, route);
    return isAllowed;
  }

  /** Counts a read that is sent again; `'empty'`: it has not failed, but found nothing. */
  noteRetry(kind: FailureKind | 'empty', route: Route): void {
    const { counters, options } = this.deps;
    counters.countRetry(kind, route.node);
    const unit = storage.getStore()?.unit;
    if (unit) unit.on(options.name).tally.retries += 1;
    if (RETRIES.hasSubscribers) {
      const message: RetryMessage = { cluster: options.name, handler: unit?.handler, ...route, kind };
      RETRIES.publish(message);
    }
  }

  /** What the caller is told when no connection could be had. */
  explainConnect(lease: Lease, error: unknown): unknown {
    const kind = this.deps.engine.classify(error);
    if (lease.route.role === 'replica') return error;
    if (kind === 'overload' && lease.session === 'read-only') return noConnectionLeft(lease, error);
    return kind === 'connection' || kind === 'starting' || kind === 'timeout'
      ? noPrimary(lease, error)
      : error;
  }

  /** What the caller is told when a statement on a writable session failed. It is never sent again. */
  async explainWrite(lease: Lease, error: unknown, kind: FailureKind): Promise<unknown> {
    if (kind !== 'read-only') return error;
    // The application may have made the session read-only itself; only the server knows whether it is a standby now.
    await lease.node.observer.hint();
    return lease.node.snapshot.state === 'is-replica' || this.deps.topology.primary !== lease.node
      ? noPrimary(lease, error)
      : error;
  }
}

function noPrimary({ node }: Lease, cause: unknown): PrimaryUnavailableError {
  return new PrimaryUnavailableError(
    `The primary "${node.name}" cannot be written now: ${messageOf(cause).replace(/\.$/, '')}. Nothing was written; try again when it is back.`,
    { cause },
  );
}

function noConnectionLeft({ node }: Lease, cause: unknown): NoReplicaAvailableError {
  return new NoReplicaAvailableError(
    `No replica can serve this read, and the primary "${node.name}" has no connection left for it: ${messageOf(cause)}. ` +
      'Bring replicas back, or allow the primary more connections.',
    { cause },
  );
}
