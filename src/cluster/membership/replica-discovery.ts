import type { Clock, Delay } from '../../clock.js';
import { messageOf } from '../../message-of.js';
import { isRecord } from '../../options/place.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import type { ClusterEmitter } from '../events/cluster-events.js';
import type { Topology } from '../nodes/topology.js';
import type { Membership } from './membership.js';

/** What a discovery is made of. */
export interface ReplicaDiscoveryDeps {
  readonly options: Pick<ResolvedOptions, 'cluster' | 'monitor'>;
  readonly topology: Topology;
  readonly membership: Membership;
  readonly events: ClusterEmitter;
  readonly clock: Clock;
}

type Answer = readonly unknown[];

/** Asks the application again and again which replicas there are: adds the new ones, and removes those that it has added. */
export class ReplicaDiscovery {
  /** Of each replica that was discovered, how many answers in a row have lacked it. */
  private readonly missed = new Map<string, number>();
  /** What was wrong with the last answer, by what it was about: told when it begins. */
  private problems: ReadonlyMap<string, string> = new Map();
  /** Replaced when the cluster starts: answers to an earlier run are late. */
  private run: object | undefined;
  private pause: Delay | undefined;

  constructor(private readonly deps: ReplicaDiscoveryDeps) {}

  /** Resolves when the first answer was followed, or time is over. */
  async start(): Promise<void> {
    if (this.deps.options.cluster.discover) await this.look((this.run = {}));
  }

  stop(): void {
    this.run = undefined;
    this.pause?.cancel();
  }

  private async look(run: object): Promise<void> {
    const { options, clock } = this.deps;
    const problems = new Map<string, string>();
    const answer = await this.ask(problems);
    if (answer && this.run === run) await this.follow(answer, problems);
    if (this.run !== run) return;
    this.tell(problems);
    this.pause = clock.delay(options.cluster.discoverIntervalMs);
    void this.pause.done.then(() => (this.run === run ? this.look(run) : undefined));
  }

  /** `undefined`: the replicas stay as they are. */
  private async ask(problems: Map<string, string>): Promise<Answer | undefined> {
    const { options, clock } = this.deps;
    const limitMs = options.monitor.connectTimeoutMs;
    const limit = clock.delay(limitMs);
    const late = limit.done.then(() => new Error(`no answer within ${limitMs} ms`));
    try {
      const answer: unknown = await Promise.race([options.cluster.discover?.(), late]);
      if (answer instanceof Error) throw answer;
      if (!Array.isArray(answer)) throw new Error('it has answered no list');
      if (answer.length > 0) return answer;
      problems.set(ALL, `${NOTHING}${STAY}`);
    } catch (error) {
      problems.set(ALL, `${FAILED} (${messageOf(error)})${STAY}`);
    } finally {
      limit.cancel();
    }
    return undefined;
  }

  private async follow(answer: Answer, problems: Map<string, string>): Promise<void> {
    const seen = new Set<string>();
    await Promise.all(
      answer.map(async (given, index) => {
        try {
          await this.meet(given, seen);
        } catch (error) {
          const name = nameIn(given);
          if (name !== undefined) seen.add(name);
          problems.set(name ?? String(index), `${REFUSED}: ${messageOf(error)}`);
        }
      }),
    );
    for (const name of this.missed.keys()) this.count(name, seen.has(name));
  }

  /** A replica in the answer: it is there, or is added, or another one has its name. */
  private async meet(given: unknown, seen: Set<string>): Promise<void> {
    const { topology, membership } = this.deps;
    const address = membership.addressOf(membership.read(given));
    const present = topology.nodes.find(({ settings }) => membership.addressOf(settings) === address);
    const name = present?.name ?? nameIn(given) ?? nameAt(address);
    seen.add(name);
    if (present || topology.draining.some((leaving) => leaving.name === name)) return;
    // Another server has taken the name over: it comes with a later answer, when the former one has gone.
    if (this.missed.has(name)) return this.remove(name);
    this.missed.set(name, 0);
    await membership.add({ ...(given as object), name }).catch((error: unknown) => {
      this.missed.delete(name);
      throw error;
    });
  }

  private count(name: string, isSeen: boolean): void {
    const { primary, replicas } = this.deps.topology;
    const isPrimary = primary.name === name;
    if (!isPrimary && !replicas.some((replica) => replica.name === name)) {
      this.missed.delete(name);
      return;
    }
    const missed = isSeen || isPrimary ? 0 : (this.missed.get(name) ?? 0) + 1;
    this.missed.set(name, missed);
    if (missed >= MAX_MISSED) this.remove(name);
  }

  /** What runs on it finishes meanwhile. */
  private remove(name: string): void {
    this.missed.delete(name);
    this.deps.membership
      .remove(name)
      .catch((error: unknown) => this.report(`${NOT_REMOVED} "${name}": ${messageOf(error)}`));
  }

  /** What goes on is told once. */
  private tell(problems: ReadonlyMap<string, string>): void {
    for (const [key, detail] of problems) if (!this.problems.has(key)) this.report(detail);
    this.problems = problems;
  }

  private report(detail: string): void {
    this.deps.events.emit('promiseWeakened', { node: undefined, detail });
  }
}

function nameIn(given: unknown): string | undefined {
  return isRecord(given) && typeof given['name'] === 'string' ? given['name'] : undefined;
}

/** Of `host:port/database`, since nothing else tells one replica from another. */
function nameAt(address: string): string {
  return address.replace(/\/[^/]*$/, '').replace(/[[\]]/g, '');
}

/** Answers in a row: one may have come from a name server, or a service, that is behind. */
const MAX_MISSED = 3;

/** The key of what concerns the whole answer. */
const ALL = '';
const STAY = ', so that the replicas stay as they are.';
const NOTHING = 'cluster.discover has answered no replicas';
const FAILED = 'cluster.discover has failed';
const REFUSED = 'cluster.discover has answered a replica that cannot be used, unlike the others';
const NOT_REMOVED = 'A replica that cluster.discover answers no more could not be removed';
