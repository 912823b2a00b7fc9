import type { ServerIdentity } from '../../engine.js';
import type { Endpoint } from '../../options/options.js';

/** What stands behind an address: one server, one of several per connection, or one of several per transaction. */
export type EndpointKind = Exclude<Endpoint, 'auto'>;

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

  /** `onHidden`: told once for each kind that is found out; `onRestart`: of every restart, before the connection is used. */
  constructor(
    private readonly setting: Endpoint,
    private readonly onHidden: (kind: EndpointKind) => void,
    private readonly onRestart: () => void = () => undefined,
  ) {
    this.kind = setting === 'auto' ? 'server' : setting;
  }

  /** Told of every new connection before it is used, and of every probe. */
  learn({ serverId, isPooled }: ServerIdentity): void {
    if (isPooled) this.#become('per-transaction');
    const known = this.#known;
    if (serverId === undefined || serverId === known) return;
    this.#known = serverId;
    if (known === undefined) return;
    if (isAnother(serverId, known)) this.#become('per-connection');
    else this.#restarted();
  }

  /** What positions the server had said is void: a standby may come back with less than it had replayed. */
  #restarted(): void {
    this.restarts += 1;
    this.onRestart();
  }

  /** Of the kinds, the most careful one found so far holds. */
  #become(kind: EndpointKind): void {
    if (this.setting !== 'auto' || CARE[kind] <= CARE[this.kind]) return;
    this.kind = kind;
    this.onHidden(kind);
  }
}

const CARE: Readonly<Record<EndpointKind, number>> = { server: 0, 'per-connection': 1, 'per-transaction': 2 };

/** Whether two answers are of two servers. The same address with a later start time is one that was restarted. */
function isAnother(now: string, before: string): boolean {
  const [a, b] = [now, before].map((id) => /^(.*?) ?([\d.]+)$/.exec(id));
  return a?.[1] !== b?.[1] || Number(a?.[2]) < Number(b?.[2]);
}
