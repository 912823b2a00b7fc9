import type { RoutingMode } from '../../options/options.js';
import type { NodeState } from '../../routing/node-snapshot.js';

/** What happens to a cluster, with what listeners are told. */
export interface ClusterEvents {
  /** A replica is not used any more. */
  replicaEjected: { readonly node: string; readonly state: NodeState; readonly detail: string | undefined };
  /** A replica is used again, or for the first time. */
  replicaRecovered: { readonly node: string };
  /** A replica is used only while no better one exists. */
  replicaDegraded: { readonly node: string; readonly state: NodeState; readonly detail: string | undefined };
  /** The primary does not answer, or is not a primary any more: writes fail fast. */
  primaryLost: { readonly node: string; readonly state: NodeState; readonly detail: string | undefined };
  /** The primary is back. */
  primaryRecovered: { readonly node: string };
  /** Writes go to another node (`cluster.failover: 'follow'`). */
  primaryChanged: { readonly from: string; readonly to: string; readonly timeline: number | undefined };
  /** A node was added to the replicas at run time. */
  replicaAdded: { readonly node: string };
  /** A node was removed at run time, and its pools are closed. */
  replicaRemoved: { readonly node: string };
  /** `routing.mode` or `routing.share` is another one now: set at run time, or told by `routing.control`. */
  routingChanged: { readonly mode: RoutingMode; readonly share: number };
  /**
   * A handler wrote under replica intent. Once per handler and `what`:
   *
   * - `'refused'`: its write was refused;
   * - `'promoted'`: its write was moved to the primary, and so is the handler from then on;
   * - `'observed'`: its write would be refused outside of observe mode;
   * - `'possible'`: in observe mode it did what leaves no trace in the log and would be refused, such as a lock;
   * - `'afterwards'`: something that began after it had ended wrote on the primary, in its context.
   */
  wroteUnderReplicaIntent: {
    readonly handler: string;
    readonly what: 'refused' | 'promoted' | 'observed' | 'possible' | 'afterwards';
  };
  /** A unit of work wrote after its response was sent: no token can tell the client. Once per handler. */
  lateWrite: { readonly handler: string };
  /**
   * A read that a token had let through was about to miss what its client has written: `found` is what the server has
   * replayed, not `required` (`consistency.verify`). It was served elsewhere.
   */
  guaranteeBroken: {
    readonly node: string;
    readonly handler: string | undefined;
    readonly required: string;
    readonly found: string;
  };
  /** A promise cannot be kept as designed; `detail` says which weaker one holds, and why. */
  promiseWeakened: { readonly node: string | undefined; readonly detail: string };
}

/** Name of an event of a cluster. */
export type ClusterEventName = keyof ClusterEvents;

/** Called with the payload of an event. What it throws, or rejects with, is logged. */
export type ClusterListener<Name extends ClusterEventName> = (payload: ClusterEvents[Name]) => void;

/** Is told what a listener has thrown. */
export type ListenerFailed = (name: ClusterEventName, error: unknown) => void;

/** Called with every event. */
export type EveryEventListener = (name: ClusterEventName, payload: ClusterEvents[ClusterEventName]) => void;

/** Tells listeners of events. */
export class ClusterEmitter {
  private readonly listeners = new Map<ClusterEventName, Set<(payload: never) => void>>();
  private readonly ofAll: EveryEventListener[] = [];

  constructor(private readonly onListenerFailed: ListenerFailed) {}

  /** Returns a function that ends the subscription. */
  on<Name extends ClusterEventName>(name: Name, listener: ClusterListener<Name>): () => void {
    const ofName = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, ofName.add(listener));
    return () => ofName.delete(listener);
  }

  /** Calls `listener`, which must not throw, with every event. */
  onEach(listener: EveryEventListener): void {
    this.ofAll.push(listener);
  }

  emit<Name extends ClusterEventName>(name: Name, payload: ClusterEvents[Name]): void {
    for (const listener of this.ofAll) listener(name, payload);
    for (const listener of this.listeners.get(name) ?? [])
      void this.tell(name, () => (listener as ClusterListener<Name>)(payload));
  }

  /** An alert that fails must not keep the cluster from what it does about a fault, nor end the process. */
  private async tell(name: ClusterEventName, listener: () => unknown): Promise<void> {
    try {
      await listener();
    } catch (error) {
      this.onListenerFailed(name, error);
    }
  }
}
