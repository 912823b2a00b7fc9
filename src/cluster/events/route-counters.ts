import type { Reason, Role, Route, StaleCause } from '../../routing/route.js';

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

/** What a read that was verified has shown; `unknown`: the server does not tell. */
export type VerifiedOutcome = 'kept' | 'broken' | 'unknown';

type Counts<Key extends string = string> = Partial<Record<Key, number>>;

/** Collects the counters. */
export class RouteCounters {
  refusedWrites = 0;
  promotedWrites = 0;
  wouldUseReplica = 0;
  outsideZone = 0;
  readonly staleReads: Record<StaleCause, number> = { 'use-slave': 0, 'primary-down': 0, unit: 0 };
  readonly verifiedReads: Record<VerifiedOutcome, number> = { kept: 0, broken: 0, unknown: 0 };
  private readonly routes: Record<Role, Record<string, Counts<Reason>>> = { primary: {}, replica: {} };
  private readonly retries: Record<string, Counts> = {};
  private readonly transitions: Record<string, Counts> = {};
  private readonly byToken: Record<string, number> = {};
  private readonly byHandler: Record<string, number> = {};

  countRoute({ role, node, reason }: Route): void {
    const ofRole = this.routes[role];
    const reasons = ofRole[node] ?? countsOf(ofRole, node);
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }

  countRetry(kind: string, node: string): void {
    increment(countsOf(this.retries, node), kind);
  }

  countTransition(event: string, node: string): void {
    increment(countsOf(this.transitions, node), event);
  }

  /** Queries by role, node and reason. */
  *eachRoute(): Iterable<readonly [route: Route, count: number]> {
    for (const role of ['primary', 'replica'] as const) {
      for (const [node, reason, count] of each<Reason>(this.routes[role]))
        yield [{ role, node, reason }, count];
    }
  }

  eachRetry(): Iterable<readonly [node: string, kind: string, count: number]> {
    return each(this.retries);
  }

  eachTransition(): Iterable<readonly [node: string, event: string, count: number]> {
    return each(this.transitions);
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
    const routes: Record<Role, Counts<Reason>> = { primary: {}, replica: {} };
    const nodes: Record<string, number> = {};
    for (const [{ role, node, reason }, count] of this.eachRoute()) {
      increment(routes[role], reason, count);
      increment(nodes, node, count);
    }
    const retries: Record<string, number> = {};
    for (const [, kind, count] of this.eachRetry()) increment(retries, kind, count);
    return {
      routes,
      nodes,
      retries,
      refusedWrites: this.refusedWrites,
      promotedWrites: this.promotedWrites,
      wouldUseReplica: this.wouldUseReplica,
      writesUnderReplicaIntent: { ...this.byHandler },
      tokens: { ...this.byToken },
    };
  }
}

function increment<Key extends string>(counts: Counts<Key>, key: Key, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}

/** The number of names is bounded: replicas may be added and removed under new ones again and again. */
function countsOf<Key extends string>(all: Record<string, Counts<Key>>, node: string): Counts<Key> {
  const name = node in all || Object.keys(all).length < MAX_NODES ? node : OTHER_NODES;
  return (all[name] ??= {});
}

function* each<Key extends string>(
  all: Readonly<Record<string, Counts<Key>>>,
): Iterable<readonly [node: string, key: Key, count: number]> {
  for (const [node, counts] of Object.entries(all)) {
    for (const [key, count] of Object.entries(counts)) yield [node, key as Key, count as number];
  }
}

const MAX_HANDLERS = 1_000;
const MAX_NODES = 100;
/** All nodes beyond. */
const OTHER_NODES = 'other';
