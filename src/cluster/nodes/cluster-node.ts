import type { Clock } from '../../clock.js';
import type { Pool } from '../../connector.js';
import type { ResolvedNode } from '../../options/resolved-options.js';
import type { KnownCandidate, KnownSnapshot } from '../../routing/node-snapshot.js';
import type { NodeEndpoint } from './node-endpoint.js';
import { SHORTEST_MS, type ReadTimes } from './slow-replicas.js';
import type { NodeObserver } from '../../health/node-observer.js';

/** The kinds of session a node is used with. */
export type Session = 'writable' | 'read-only';

/** What a node is made of. */
export interface ClusterNodeDeps {
  readonly observer: NodeObserver;
  readonly pools: Readonly<Record<Session, Pool>>;
  readonly endpoint: NodeEndpoint;
  readonly clock: Clock;
}

/** A server of the cluster: its pools, what is known of it, and how busy it is. */
export class ClusterNode implements KnownCandidate {
  busy = 0;
  readonly name: string;
  /** The options', or half of it while the node is slow, see `weighReplicas`. */
  weight: number;
  readonly reads: ReadTimes = { typicalMs: SHORTEST_MS, count: 0 };
  /** The observer's, which replaces it. */
  snapshot: KnownSnapshot;
  readonly observer: NodeObserver;
  readonly pools: Readonly<Record<Session, Pool>>;
  readonly clock: Clock;
  /** What its address leads to. */
  readonly endpoint: NodeEndpoint;

  constructor(
    readonly settings: ResolvedNode,
    { observer, pools, endpoint, clock }: ClusterNodeDeps,
  ) {
    this.name = settings.name;
    this.weight = settings.weight;
    this.observer = observer;
    this.pools = pools;
    this.endpoint = endpoint;
    this.clock = clock;
    this.snapshot = observer.snapshot;
    observer.onChange(() => (this.snapshot = observer.snapshot));
  }

  /** Whether all its connections for writes are in use. */
  get isCrowded(): boolean {
    const { usage, size } = this.pools.writable;
    return usage !== undefined && usage.used >= size;
  }

  /** The server does not answer: what hangs on these sessions fails now, and so does every request for one. */
  shut(session: Session): void {
    this.pools[session].connections.shut();
  }

  /** Cuts the connections that nobody uses. */
  cutIdle(): void {
    this.pools['read-only'].cutIdle();
    this.pools.writable.cutIdle();
  }

  /** The server answers again. */
  reopen(): void {
    this.pools['read-only'].connections.reopen();
    this.pools.writable.connections.reopen();
  }

  /** Cuts every connection: the sessions are of a server that is not what it was. */
  cut(): void {
    this.pools['read-only'].connections.cut();
    this.pools.writable.connections.cut();
  }

  /** Ends the reads that run on it, on the server as well. There will be no others. */
  endReads(): void {
    this.pools['read-only'].cancelAll();
    this.shut('read-only');
  }

  async close(): Promise<void> {
    await Promise.all([this.pools.writable.close(), this.pools['read-only'].close()]);
  }
}
