import { systemClock } from '../../clock.js';
import type { ClusterEmitter } from '../../cluster/events/cluster-events.js';
import { ClusterNode } from '../../cluster/nodes/cluster-node.js';
import { LagHistory } from '../../health/lag-history.js';
import { messageOf } from '../../message-of.js';
import { NodeEndpoint, type EndpointKind } from '../../cluster/nodes/node-endpoint.js';
import { NodeObserver } from '../../health/node-observer.js';
import type { ResolvedNode } from '../../options/resolved-options.js';
import { createPools, type PoolDeps } from '../../engines/postgres/pool/create-pools.js';
import { probeOptions, TypeormProber } from '../../engines/postgres/pool/typeorm-prober.js';

/** What all nodes of a cluster share. */
export interface NodeDeps extends PoolDeps {
  readonly events: ClusterEmitter;
}

/** Makes the nodes of a cluster: observer and pools. Nothing connects yet. */
export function createNodeFactory(surroundings: NodeDeps): (settings: ResolvedNode) => ClusterNode {
  const { options, engine, topology, events } = surroundings;
  const { monitor } = options;
  const lagHistory = new LagHistory({
    positions: engine.positions,
    keepMs: monitor.hardMaxLagMs + monitor.intervalMs,
    spacingMs: monitor.intervalMs / 4,
    graceMs: 3 * monitor.intervalMs,
  });
  return (settings) => {
    const { name, driver } = settings;
    const onModest = (error: unknown) =>
      events.emit('promiseWeakened', { node: name, detail: `${NO_POSITIONS} (${messageOf(error)}).` });
    const endpoint = new NodeEndpoint(
      settings.endpoint,
      (kind) => {
        if (topology.roleOf(name) === 'replica')
          events.emit('promiseWeakened', { node: name, detail: HIDDEN[kind] });
      },
      () => {
        if (topology.roleOf(name) === 'replica') observer.restarted();
      },
    );
    const identified = engine.identifiedSession(driver, (identity) => endpoint.learn(identity));
    const observer: NodeObserver = new NodeObserver({
      name,
      role: () => topology.roleOf(name),
      prober: new TypeormProber(probeOptions(identified, monitor), engine, onModest),
      engine,
      clock: systemClock,
      random: Math.random,
      monitor,
      primaryFacts: () => topology.primary.observer.facts,
      lagHistory,
    });
    observer.onChange((_previous, _current, cause) => {
      // After a restart, what the last probe said is older than what new connections have found.
      if (cause === 'probe-answered') endpoint.learn({ serverId: observer.facts.serverId, isPooled: false });
    });
    return new ClusterNode(settings, {
      observer,
      pools: createPools(settings, surroundings, { endpoint, observer }),
      endpoint,
    });
  };
}

const NO_POSITIONS =
  'The server does not tell positions to this role, so after a write the client reads the primary for consistency.pinMs';

const HIDDEN: Readonly<Record<EndpointKind, string>> = {
  server: 'One server stands behind its address',
  'per-connection':
    "Several servers stand behind its address, one per connection: what a client's token demands is asked of the connection that reads, before it does. Silence this with endpoint: 'per-connection'",
  'per-transaction':
    "A pooler stands behind its address and may change the server with every transaction: a client that has written reads the primary while its token lives. If there is one server only, say endpoint: 'server'; otherwise silence this with endpoint: 'per-transaction'",
};
