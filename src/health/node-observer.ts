import type { ResolvedMonitor } from '../options/resolved-options.js';
import { mergeKnown, type History, type Position } from '../position.js';
import type { KnownSnapshot, NodeState } from '../routing/node-snapshot.js';
import type { Role } from '../routing/route.js';
import type { Clock } from '../clock.js';
import { CALLS_FOR_PROBE, FAILED_PROBE_MEANS } from './failure-meaning.js';
import { UNSEEN, type Health, type HealthEvent } from './health.js';
import { isForeign, isFormerPrimary, type JudgingEngine, type PrimaryFacts } from './judge-answer.js';
import { noLag, type Lag, type LagHistory } from './lag-history.js';
import { Divergence } from './divergence.js';
import { ProbeLoop, type ProbeFailure, type ProbeLoopDeps, nextInSequence } from './probe-loop.js';
import type { NodeLoop } from './shared-loops.js';
import { nextHealth, probeDelayMs } from './next-health.js';
import type { ProbeAnswer, Prober } from '../connector.js';
import type { Engine, FailureKind } from '../engine.js';
import { factsAfter, withoutPosition, type NodeFacts } from './node-facts.js';
import { snapshotsFor, type NodePlacement } from './snapshot-of.js';

/** What an observer asks of the engine. */
export type ObservingEngine = JudgingEngine & Pick<Engine, 'positions' | 'show' | 'classify'>;

/** What an observer is made of. */
export interface NodeObserverDeps extends NodePlacement {
  /** The role the node plays in the cluster now. */
  readonly role: () => Role;
  readonly prober: Prober;
  readonly engine: ObservingEngine;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly monitor: ResolvedMonitor;
  /** What is known of the primary, whichever node that is now. */
  readonly primaryFacts: () => PrimaryFacts;
  /** Shared by all nodes of the cluster. */
  readonly lagHistory: LagHistory;
  /** Its loop, where it need not be its own alone. */
  readonly createLoop?: ((deps: ProbeLoopDeps) => NodeLoop) | undefined;
  /** Whether the node is not probed for now, until it is asked. */
  readonly isAsleep?: (() => boolean) | undefined;
}

/** Why there is a new snapshot. */
export type SnapshotCause = HealthEvent['type'] | 'probe-refused' | 'position-noticed' | 'restarted' | 'told';

/** Is told of every new snapshot; must not throw. */
export type SnapshotListener = (
  previous: KnownSnapshot,
  current: KnownSnapshot,
  cause: SnapshotCause,
) => void;

/** Watches one node: replaces its snapshot after every probe, and after what requests report. */
export class NodeObserver {
  readonly #setup: NodeObserverDeps;
  readonly #loop: NodeLoop;
  readonly #listeners = new Set<SnapshotListener>();
  readonly #divergence: Divergence;
  readonly #snapshotOf: ReturnType<typeof snapshotsFor>;
  #facts: NodeFacts = {};
  #health: Health = UNSEEN;
  /** Replaced with everything that is learnt, before the listeners hear of it. */
  snapshot: KnownSnapshot;

  constructor(setup: NodeObserverDeps) {
    this.#setup = setup;
    this.#divergence = new Divergence(setup.engine.positions);
    this.#snapshotOf = snapshotsFor(setup.engine);
    const { createLoop = (deps) => new ProbeLoop(deps), isAsleep } = setup;
    this.#loop = createLoop({
      ...setup,
      classify: setup.engine.classify,
      timeoutMs: setup.monitor.timeoutMs,
      connectTimeoutMs: setup.monitor.connectTimeoutMs,
      delayMs: () => (isAsleep?.() ? Infinity : probeDelayMs(this.#health, setup.monitor.intervalMs)),
      onAnswer: (answer, asked, askedAtMs) => this.#learn(answer, asked, askedAtMs),
      onFailure: (failure) => this.#probeFailed(failure),
    });
    this.snapshot = this.#takeSnapshot();
  }

  /** What the node last said about itself: the primary's are every observer's `primaryFacts`. */
  get facts(): PrimaryFacts {
    return this.#facts;
  }

  /** What other nodes have told of its cluster, before it has said anything itself. */
  expect({ history, systemId }: Pick<PrimaryFacts, 'history' | 'systemId'>): void {
    this.#facts = { ...this.#facts, history, systemId };
    this.#replaceSnapshot('told');
  }

  /** Resolves when the first probe has ended, one way or the other. */
  start(): Promise<void> {
    return this.#loop.start();
  }

  /** Resolves when no probe is under way and no timer is left. */
  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** The node's present position, asked at most once per 20 ms for all who ask. The snapshot is replaced before. */
  ask(): Promise<ProbeAnswer | undefined> {
    return this.#loop.ask();
  }

  /** Something may have happened to the node: probes it at once. Resolves when the snapshot says what it is now. */
  async hint(): Promise<void> {
    await this.#loop.hint();
  }

  /** Whether this process has stood still until just now: a failure says little of the node, which is asked once more. */
  get stoodStill(): boolean {
    return this.#loop.stoodStill;
  }

  /** A request's connection or query failed. */
  reportFailure(kind: FailureKind, message: string): void {
    this.#forgetWhatMayBeLost(kind);
    const { stoodStill } = this;
    this.#apply({ type: 'request-failed', kind, message, stoodStill, ...this.#where() });
    if (CALLS_FOR_PROBE.has(kind)) void this.#loop.hint(kind);
  }

  /** A request has seen the node at this position: replay only moves forward. */
  noticePosition(position: Position): void {
    const { positions } = this.#setup.engine;
    const known = this.#facts.position;
    if (known === undefined || positions.covers(known, position)) return;
    this.#facts = { ...this.#facts, position: positions.merge(known, position) };
    this.#replaceSnapshot('position-noticed');
  }

  /** The server was restarted: a standby may have replayed less than before. */
  restarted(): void {
    this.#facts = withoutPosition(this.#facts);
    this.#replaceSnapshot('restarted');
    void this.#loop.hint();
  }

  /** The node gets no more reads. */
  drain(): void {
    this.#apply({ type: 'drain-started' });
  }

  /** The node plays another role from now on; resolves when it was judged by that. A former primary is not read before. */
  async roleChanged(): Promise<void> {
    this.#apply({ type: 'role-changed', role: this.#setup.role() });
    await this.#loop.hint();
  }

  /** Calls the listener on every new snapshot, until the function it answers is called. */
  onChange(listener: SnapshotListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #learn(answer: ProbeAnswer, asked: number, askedAtMs: number): 'in-place' | 'misplaced' {
    const { role, nowMs } = this.#where();
    const primary = this.#setup.primaryFacts();
    const expected = { role, primary };
    const lag =
      role === 'primary' ? noLag(this.#setup.engine.positions) : this.#lagOf(answer, primary, nowMs);
    const hasDiverged = role === 'replica' && this.#divergence.judge(answer, primary, nextInSequence());
    const history = this.#newestHistory(answer);
    const isFormer = isFormerPrimary(answer, this.#facts, this.#setup.engine);
    const { lagHistory } = this.#setup;
    const { position } = answer;
    const { stalenessMs = answer.lagMs } = answer;
    const proven = lag && position !== undefined ? lagHistory.completeAtMs(position) : undefined;
    const completeAtMs = stalenessMs === undefined ? proven : askedAtMs - stalenessMs;
    const known = factsAfter(this.#facts, answer, { history, isFormer, asked, askedAtMs, nowMs });
    this.#facts = { ...known, lag, completeAtMs, seenAtMs: nowMs };
    this.#apply({ type: 'probe-answered', answer, lag, hasDiverged, expected, nowMs });
    const isPrimary = role === 'primary' && this.#health.state === 'usable';
    const { flushed = { position, untilMs: askedAtMs } } = known;
    if (isPrimary && flushed.position !== undefined)
      lagHistory.record(flushed.position, nowMs, flushed.untilMs);
    return MISPLACED.has(this.#health.state) ? 'misplaced' : 'in-place';
  }

  #lagOf(answer: ProbeAnswer, primary: PrimaryFacts, nowMs: number): Lag | undefined {
    const { position, receivedPosition, role, lagMs } = answer;
    if (lagMs !== undefined && role !== 'primary') return { ms: lagMs, bytes: undefined };
    if (position === undefined || role === 'primary' || isForeign(answer, primary)) return undefined;
    const { lagHistory, engine } = this.#setup;
    const received = mergeKnown(engine.positions, receivedPosition, position);
    lagHistory.witness(received ?? position, nowMs);
    return lagHistory.lagOf(position, nowMs);
  }

  /** Of the same database cluster. An address that leads back to a former primary must not make its history the newest. */
  #newestHistory(answer: ProbeAnswer): History | undefined {
    const known = this.#facts.history;
    const found = answer.history;
    if (known === undefined || isForeign(answer, this.#facts)) return found;
    return found === undefined || this.#setup.engine.isOlder?.(found, known) ? known : found;
  }

  #probeFailed({ kind, message }: ProbeFailure): void {
    const before = this.#health.state;
    this.#forgetWhatMayBeLost(kind);
    const isAlive = FAILED_PROBE_MEANS[kind] === 'nothing'; // the server itself has answered
    this.#apply(
      { type: 'probe-failed', kind, message, ...this.#where() },
      isAlive ? 'probe-refused' : 'probe-failed',
    );
    // Whether the server is gone is known as soon as it is dialled again: a doubt does not wait for the next interval.
    if (before !== 'suspect' && this.#health.state === 'suspect') void this.#loop.hint();
  }

  /** A standby that restarts may have replayed less than before. A connection that ended may mean a restart. */
  #forgetWhatMayBeLost(kind: FailureKind): void {
    if (kind === 'connection' || kind === 'starting') this.#facts = withoutPosition(this.#facts);
  }

  #where(): { role: Role; nowMs: number } {
    return { role: this.#setup.role(), nowMs: this.#setup.clock.now() };
  }

  #apply(event: HealthEvent, cause: SnapshotCause = event.type): void {
    const { engine, monitor } = this.#setup;
    this.#health = nextHealth(this.#health, event, { engine, limits: monitor });
    this.#replaceSnapshot(cause);
  }

  #replaceSnapshot(cause: SnapshotCause): void {
    const previous = this.snapshot;
    const current = this.#takeSnapshot();
    this.snapshot = current;
    for (const listener of this.#listeners) listener(previous, current, cause);
  }

  #takeSnapshot(): KnownSnapshot {
    const { name, zone, group, role } = this.#setup;
    return this.#snapshotOf({ name, zone, group, role: role(), facts: this.#facts, health: this.#health });
  }
}

// States of a server that answers, but is not what its address should lead to.
const MISPLACED: ReadonlySet<NodeState> = new Set(['misconfigured', 'is-primary', 'is-replica']);
