import type { Clock } from '../../clock.js';
import type { Engine } from '../../engine.js';
import { PrimaryUnavailableError } from '../../errors.js';
import { messageOf } from '../../message-of.js';
import type { ResolvedNode, ResolvedOptions } from '../../options/resolved-options.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { EventLogger } from '../events/event-log.js';
import type { ClusterNode } from '../nodes/cluster-node.js';
import type { Topology } from '../nodes/topology.js';
import { chooseStart, type StartChoice, type StartReport } from './choose-start.js';

/** What a search is made of. */
export interface StartSearchDeps {
  readonly options: ResolvedOptions;
  readonly topology: Topology;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly events: ClusterEmitter;
  readonly logger: EventLogger;
  readonly createNode: (settings: ResolvedNode) => ClusterNode;
}

/** Where the application's own driver starts. */
export interface StartPlace {
  /** The node that it dials. */
  readonly host: ResolvedNode;
  /** `false`: the primary is away, and the driver only learns from a replica what the server is like. */
  readonly isPrimary: boolean;
}

type Report = StartReport<ClusterNode> & { readonly problem?: string };

/** Finds out before the start which node is the primary, and whether there is one. */
export class StartSearch {
  private hasSearched = false;

  constructor(private readonly deps: StartSearchDeps) {}

  /** Asks all nodes where the options allow to start on another one than the configured primary. */
  async run(dial: (place: StartPlace) => void): Promise<void> {
    const { options, topology, createNode } = this.deps;
    // Observers and pools end for good; a DataSource may be initialised again.
    if (this.hasSearched) topology.renew(createNode);
    this.hasSearched = true;
    const { failover, startWithoutPrimary } = options.cluster;
    if (options.replicas.length === 0 || (failover === 'none' && !startWithoutPrimary)) return;
    const reports = await Promise.all(topology.nodes.map((node) => this.ask(node)));
    const choice = chooseStart(reports, topology.primary, this.deps.engine);
    this.settle(choice, reports, dial);
  }

  private settle(
    choice: StartChoice<ClusterNode>,
    reports: readonly Report[],
    dial: (place: StartPlace) => void,
  ): void {
    const { options, topology, createNode } = this.deps;
    const follows = options.cluster.failover === 'follow';
    if (follows) this.tellOfSilence(reports);
    const found = this.primaryOf(choice, follows);
    const place = found ? { host: found.settings, isPrimary: true } : this.withoutPrimary(choice, reports);
    if (found && found !== topology.primary) this.follow(found, choice);
    dial(place);
    topology.own = place.isPrimary ? place.host : undefined;
    topology.renew(createNode);
    if (follows || !place.isPrimary) topology.primary.observer.expect(choice);
  }

  private primaryOf({ writable }: StartChoice<ClusterNode>, follows: boolean): ClusterNode | undefined {
    const { topology, options } = this.deps;
    if (!follows) return writable.find((node) => node === topology.primary);
    const [found, ...others] = writable;
    if (others.length === 0) return found;
    const names = writable.map(({ name }) => `"${name}"`).join(' and ');
    throw new PrimaryUnavailableError(
      `Cluster "${options.name}" does not start: ${names} can both be written, and nothing tells which of them the others follow. ` +
        'Stop or rebuild the wrong one, or configure the right one as the primary.',
    );
  }

  private withoutPrimary({ reader }: StartChoice<ClusterNode>, reports: readonly Report[]): StartPlace {
    const { options, topology, logger } = this.deps;
    const { name, settings } = topology.primary;
    if (!reader || !options.cluster.startWithoutPrimary || changesSchema(options))
      return { host: settings, isPrimary: true }; // where it fails as ever
    const problem = reports.find(({ node }) => node === topology.primary)?.problem ?? 'it takes no writes';
    logger.warn(
      `Cluster "${options.name}" is started without its primary "${name}" (${problem}): replicas serve reads, and writes fail until it is back.`,
    );
    return { host: reader.settings, isPrimary: false };
  }

  private follow(found: ClusterNode, { history }: StartChoice<ClusterNode>): void {
    const { topology, events, engine } = this.deps;
    const from = topology.primary.name;
    topology.makePrimary(found);
    const { timeline } = engine.show({ position: undefined, history });
    events.emit('primaryChanged', { from, to: found.name, timeline });
  }

  private tellOfSilence(reports: readonly Report[]): void {
    const silent = reports.filter(({ answer }) => answer === undefined);
    for (const { node, problem } of silent)
      this.deps.logger.warn(
        `"${node.name}" did not answer at the start (${problem}): whether it has been promoted is not known.`,
      );
  }

  private async ask(node: ClusterNode): Promise<Report> {
    const { clock, options, engine } = this.deps;
    const { name: cluster, monitor } = options;
    const limitMs = monitor.connectTimeoutMs;
    const prober = engine.connector.createProber(node.settings, { cluster, monitor, ...UNHEARD });
    const limit = clock.delay(limitMs);
    try {
      const answer = await Promise.race([prober.probe(), limit.done]);
      return { node, answer: answer ?? undefined, problem: `no answer within ${limitMs} ms` };
    } catch (error) {
      return { node, answer: undefined, problem: messageOf(error) };
    } finally {
      limit.cancel();
      void prober.close();
    }
  }
}

/** Whether a start needs the primary whatever else there is. Migrations need it only when some are pending. */
function changesSchema({ dataSource }: ResolvedOptions): boolean {
  const { synchronize, dropSchema, extensions, installExtensions } = dataSource;
  const installs = Array.isArray(extensions) && extensions.length > 0 && installExtensions !== false;
  return synchronize === true || dropSchema === true || installs;
}

/** The monitors hear of these things soon enough. */
const UNHEARD = {
  onIdentity: () => undefined,
  onModest: () => undefined,
  onWeakness: () => undefined,
  onDefaults: () => undefined,
};
