import type { Reason, Role, Route } from '../../routing/route.js';

/** Counters since the start of the process. */
export interface ReplicationStats {
  /** Queries by the role of the server that got them and the reason: `stats.routes.replica['read-method']`. */
  readonly routes: Readonly<Record<Role, Readonly<Partial<Record<Reason, number>>>>>;
  /** Queries by node. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Reads that were repeated on another server after a failure, by the kind of failure. */
  readonly retries: Readonly<Record<string, number>>;
  /** Writes that were refused under replica intent. */
  readonly refusedWrites: number;
  /** Writes under replica intent that were moved to the primary. */
  readonly promotedWrites: number;
  /** With `routing.mode: 'observe'`: queries that would have gone to a replica. */
  readonly wouldUseReplica: number;
  /**
   * Handlers that wrote under replica intent, with the number of times: of their refused writes, and of all writes in mode
   * `'observe'`; with `routing.onReplicaWrite: 'promote'` the first one, which moved the handler.
   */
  readonly writesUnderReplicaIntent: Readonly<Record<string, number>>;
  /** Tokens by what became of them: `captured`, `no-position`, `issued`, `returned`, `satisfied`, `expired`, `malformed`, `forged`, `not-understood`, ... */
  readonly tokens: Readonly<Record<string, number>>;
}

/** Collects the counters. */
export class RouteCounters {
  refusedWrites = 0;
  promotedWrites = 0;
  wouldUseReplica = 0;
  private readonly roles: Record<Role, Partial<Record<Reason, number>>> = { primary: {}, replica: {} };
  private readonly byNode: Record<string, number> = {};
  private readonly byFailure: Record<string, number> = {};
  private readonly byToken: Record<string, number> = {};
  private readonly byHandler: Record<string, number> = {};

  countRoute({ role, node, reason }: Route): void {
    const reasons = this.roles[role];
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    this.byNode[node] = (this.byNode[node] ?? 0) + 1;
  }

  countRetry(kind: string): void {
    this.byFailure[kind] = (this.byFailure[kind] ?? 0) + 1;
  }

  countToken(what: string, count = 1): void {
    this.byToken[what] = (this.byToken[what] ?? 0) + count;
  }

  /** The number of handlers is bounded. */
  countWriteUnderReplicaIntent(handler: string): void {
    const count = (this.byHandler[handler] ?? 0) + 1;
    if (count > 1 || Object.keys(this.byHandler).length < MAX_HANDLERS) this.byHandler[handler] = count;
  }

  tokens(what: string): number {
    return this.byToken[what] ?? 0;
  }

  read(): ReplicationStats {
    return {
      routes: { primary: { ...this.roles.primary }, replica: { ...this.roles.replica } },
      nodes: { ...this.byNode },
      retries: { ...this.byFailure },
      refusedWrites: this.refusedWrites,
      promotedWrites: this.promotedWrites,
      wouldUseReplica: this.wouldUseReplica,
      writesUnderReplicaIntent: { ...this.byHandler },
      tokens: { ...this.byToken },
    };
  }
}

const MAX_HANDLERS = 1_000;
