import type { ServerIdentity } from '../../connector.js';
import type { Engine } from '../../engine.js';
import type { Endpoint } from '../../options/options.js';

/** What stands behind an address: one server, one of several per connection, or one of several per transaction. */
export type EndpointKind = Exclude<Endpoint, 'auto'>;

/** What an endpoint is made of. */
export interface NodeEndpointDeps {
  readonly setting: Endpoint;
  readonly compare: Engine['compareServers'];
  /** Told once for each kind that is found out. */
  readonly onHidden: (kind: EndpointKind) => void;
  /** Told of every restart, before the connection is used. */
  readonly onRestart?: () => void;
}

/**
 * What a node's address leads to. A position belongs to a server: where an address hides several of them, what one
 * connection has said holds for that connection only, or for nothing but the transaction that asked.
 */
export class NodeEndpoint {
  /** How often the one server behind it was found to have been restarted. */
  restarts = 0;
  /** The most careful one found so far. */
  kind: EndpointKind;
  #known: string | undefined;

  constructor(private readonly deps: NodeEndpointDeps) {
    const { setting } = deps;
    this.kind = setting === 'auto' ? 'server' : setting;
  }

  /** Told of every new connection before it is used, and of every probe. */
  learn({ serverId, isPooled }: ServerIdentity): void {
    if (isPooled) this.#become('per-transaction');
    const known = this.#known;
    if (serverId === undefined || serverId === known) return;
    const found = known === undefined ? 'first' : this.deps.compare(serverId, known);
    if (found === 'same') return;
    this.#known = serverId;
    if (found === 'another') this.#become('per-connection');
    if (found === 'restarted') this.#restarted();
  }

  /** What positions the server had said is void: a standby may come back with less than it had replayed. */
  #restarted(): void {
    this.restarts += 1;
    this.deps.onRestart?.();
  }

  /** Of the kinds, the most careful one found so far holds. */
  #become(kind: EndpointKind): void {
    if (this.deps.setting !== 'auto' || CARE[kind] <= CARE[this.kind]) return;
    this.kind = kind;
    this.deps.onHidden(kind);
  }
}

const CARE: Readonly<Record<EndpointKind, number>> = { server: 0, 'per-connection': 1, 'per-transaction': 2 };
