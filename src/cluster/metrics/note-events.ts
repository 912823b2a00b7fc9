import type { ClusterEmitter } from '../events/cluster-events.js';
import type { RouteCounters } from '../events/route-counters.js';
import { EVENTS, type EventMessage } from './channels.js';

/** Counts what happens to nodes, and publishes every event. */
export function noteEvents(
  cluster: string,
  { events, counters }: { readonly events: ClusterEmitter; readonly counters: RouteCounters },
): void {
  events.onEach((event, payload) => {
    if (event === 'primaryChanged' && 'to' in payload) counters.countTransition(event, payload.to);
    else if (OF_NODES.has(event) && 'node' in payload) counters.countTransition(event, String(payload.node));
    if (EVENTS.hasSubscribers) EVENTS.publish({ cluster, event, payload } satisfies EventMessage);
  });
}

const OF_NODES: ReadonlySet<string> = new Set([
  'replicaEjected',
  'replicaRecovered',
  'replicaDegraded',
  'primaryLost',
  'primaryRecovered',
  'replicaAdded',
  'replicaRemoved',
  'guaranteeBroken',
]);
