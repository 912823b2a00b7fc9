import type { Pool } from '../../connector.js';
import type { Position } from '../../position.js';
import type { Route } from '../../routing/route.js';
import type { ClusterNode, Session } from './cluster-node.js';

/** A node in use by one query runner. */
export class Lease {
  /** The position that the client's token demands of the server, for those which hide behind one address. */
  required: Position | undefined;
  /** The server has said that it ends the session. What follows on the connection is the consequence. */
  isSessionEnded = false;
  readonly pool: Pool;
  private readonly restarts: number;
  private hasEnded = false;
  private endListeners: (() => void)[] | undefined;

  constructor(
    readonly node: ClusterNode,
    readonly session: Session,
    readonly route: Route,
  ) {
    node.busy += 1;
    this.pool = node.pools[session];
    this.restarts = node.endpoint.restarts;
  }

  /** The replica was restarted since it was chosen, so that what was known of its position is not true any more. */
  get isOutdated(): boolean {
    return this.route.role === 'replica' && this.restarts !== this.node.endpoint.restarts;
  }

  onEnd(listener: () => void): this {
    (this.endListeners ??= []).push(listener);
    return this;
  }

  /** May be called twice: a connection can be lost while its runner is being released. */
  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.node.busy -= 1;
    for (const listener of this.endListeners ?? []) listener();
  }
}
