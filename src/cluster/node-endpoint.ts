import type { Endpoint } from '../options/options.js';

/** What stands behind an address: one server, one of several per connection, or one of several per transaction. */
export type EndpointKind = Exclude<Endpoint, 'auto'>;

/** What a connection has found at its other end. */
export interface ServerIdentity {
  /** Address, port and start time of the server that answered. */
  readonly serverId: string | undefined;
  /** Whether a pooler stands between: the server's process is not the one the connection was promised. */
  readonly isPooled: boolean;
}

/**
 * What a node's address leads to. A position belongs to a server: where an address hides several of them, what one
 * connection has said holds for that connection only, or for nothing but the transaction that asked.
 */
export class NodeEndpoint {
  #kind: EndpointKind;
  #known: string | undefined;

  /** `onHidden`: told once for each kind that is found out. */
  constructor(
    private readonly setting: Endpoint,
    private readonly onHidden: (kind: EndpointKind) => void,
  ) {
    this.#kind = setting === 'auto' ? 'server' : setting;
  }

  get kind(): EndpointKind {
    return this.#kind;
  }

  /** Told of every new connection before it is used, and of every probe. */
  learn({ serverId, isPooled }: ServerIdentity): void {
    if (this.setting !== 'auto') return;
    if (isPooled) this.#become('per-transaction');
    if (serverId === undefined) return;
    if (this.#known !== undefined && isAnother(serverId, this.#known)) this.#become('per-connection');
    this.#known = serverId;
  }

  /** Of the kinds, the most careful one found so far holds. */
  #become(kind: EndpointKind): void {
    if (CARE[kind] <= CARE[this.#kind]) return;
    this.#kind = kind;
    this.onHidden(kind);
  }
}

const CARE: Readonly<Record<EndpointKind, number>> = { server: 0, 'per-connection': 1, 'per-transaction': 2 };

/** Whether two answers are of two servers. The same address with a later start time is one that was restarted. */
function isAnother(now: string, before: string): boolean {
  if (now === before) return false;
  const [a, b] = [now, before].map((id) => /^(.*?) ?([\d.]+)$/.exec(id));
  return a?.[1] !== b?.[1] || Number(a?.[2]) < Number(b?.[2]);
}
