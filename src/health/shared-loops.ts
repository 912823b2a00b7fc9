import { isDeepStrictEqual } from 'node:util';
import type { ProbeAnswer } from '../connector.js';
import type { FailureKind } from '../engine.js';
import { ProbeLoop, type ProbeFailure, type ProbeLoopDeps } from './probe-loop.js';

type OnAnswer = ProbeLoopDeps['onAnswer'];

/** What an observer asks of its probe loop. */
export interface NodeLoop extends Pick<ProbeLoop, 'start' | 'ask' | 'stop' | 'stoodStill'> {
  /** As of a loop; `why`: a request has failed so. */
  hint(why?: FailureKind): ReturnType<ProbeLoop['hint']>;
}

/** Those who watch the same server in the same way. The first one's connection asks, and all are told. */
interface Group {
  readonly key: unknown;
  members: readonly SharedLoop[];
  lastAnswer: ProbeAnswer | undefined;
}

/**
 * Probe loops of several DataSources, such as those of tenants, so that a server is probed once for all of them. What is not the
 * same is not shared: a loop joins others of an equal `key` once its own connection has found the same server, and leaves when
 * its own database refuses it.
 */
export class SharedLoops {
  private groups: readonly Group[] = [];

  /** `key`: all that the connection and the pace of a probe depend on, but for the database. */
  create(key: unknown, deps: ProbeLoopDeps): NodeLoop {
    return new SharedLoop(this, this.found(key), deps);
  }

  found(key: unknown): Group {
    const group: Group = { key, members: [], lastAnswer: undefined };
    this.groups = [...this.groups, group];
    return group;
  }

  /** Another group that watches the same server. */
  like(group: Group): Group | undefined {
    return this.groups.find(
      (other) =>
        other !== group &&
        isSameServer(other.lastAnswer, group.lastAnswer) &&
        isDeepStrictEqual(other.key, group.key),
    );
  }

  leave(group: Group, member: SharedLoop): void {
    group.members = group.members.filter((other) => other !== member);
    if (group.members.length === 0) this.groups = this.groups.filter((other) => other !== group);
  }
}

class SharedLoop implements NodeLoop {
  private readonly own: ProbeLoop;

  constructor(
    private readonly loops: SharedLoops,
    private group: Group,
    private readonly deps: ProbeLoopDeps,
  ) {
    group.members = [this];
    this.own = new ProbeLoop({
      ...deps,
      delayMs: () =>
        this.leads ? Math.min(...this.group.members.map(({ deps: { delayMs } }) => delayMs())) : Infinity,
      onAnswer: (...answered) => this.answered(...answered),
      onFailure: (failure) => this.failed(failure),
    });
  }

  start(): Promise<void> {
    return this.own.start();
  }

  ask(): ReturnType<NodeLoop['ask']> {
    return this.leader.own.ask();
  }

  hint(why?: FailureKind): ReturnType<NodeLoop['hint']> {
    if (why === 'misconfigured') this.leave();
    return this.leader.own.hint();
  }

  stop(): Promise<void> {
    this.leave();
    this.loops.leave(this.group, this);
    return this.own.stop();
  }

  get stoodStill(): boolean {
    return this.leader.own.stoodStill;
  }

  private get leader(): SharedLoop {
    return this.group.members[0] ?? this;
  }

  private get leads(): boolean {
    return this.leader === this;
  }

  private answered(...answered: Parameters<OnAnswer>): ReturnType<OnAnswer> {
    const { group } = this;
    [group.lastAnswer] = answered;
    const verdicts = group.members.map(({ deps }) => deps.onAnswer(...answered));
    if (group.members.length === 1) this.join();
    return verdicts.includes('in-place') ? 'in-place' : 'misplaced';
  }

  private failed(failure: ProbeFailure): void {
    // Its own database, or what it may do there: the server itself has answered.
    if (failure.kind === 'misconfigured') this.leave();
    for (const { deps } of this.group.members) deps.onFailure(failure);
  }

  private join(): void {
    const other = this.loops.like(this.group);
    if (!other) return;
    this.loops.leave(this.group, this);
    this.group = other;
    other.members = [...other.members, this];
    // The others may be asleep.
    void this.leader.own.ask();
  }

  /** For a group of its own. The others go on by the connection of the next one. */
  private leave(): void {
    const { group, leads } = this;
    if (group.members.length < 2) return;
    this.loops.leave(group, this);
    this.group = this.loops.found(group.key);
    this.group.members = [this];
    if (leads) void group.members[0]?.own.ask();
  }
}

function isSameServer(one: ProbeAnswer | undefined, other: ProbeAnswer | undefined): boolean {
  if (one?.serverId === undefined || one.serverId !== other?.serverId) return false;
  // A role may be allowed to ask for positions in one database only.
  return (one.position === undefined) === (other.position === undefined);
}
