import type { Positions } from '../../position.js';
import type { Carrier } from '../../tokens/carrier.js';
import type { OpenedToken } from '../../tokens/envelope.js';
import { FAILED, IncomingTokens, type CarrierAnswer } from '../../tokens/incoming-tokens.js';
import type { Keyring } from '../../tokens/keyring.js';
import { NO_REQUIREMENT, requirementOf, type Requirement } from '../../tokens/requirement.js';
import { OpenedTexts } from '../../tokens/opened-texts.js';
import { doubtFarFuture } from '../../tokens/token-text.js';
import type { ClusterWork } from '../../context/cluster-work.js';
import { levelOf } from '../../context/consistency-level.js';
import type { UnitOfWork } from '../../context/unit-of-work.js';
import type { ResolvedConsistency } from '../../options/resolved-options.js';
import type { Clock } from '../../clock.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Requirements } from '../routing/router-deps.js';
import type { Topology } from '../nodes/topology.js';

/** What reading the tokens of clients needs. */
export interface ClientTokensDeps {
  readonly cluster: string;
  readonly consistency: ResolvedConsistency;
  readonly keyring: Keyring;
  readonly positions: Positions;
  readonly topology: Topology;
  readonly counters: RouteCounters;
  readonly clock: Clock;
  readonly onProblem: (error: unknown) => void;
}

type Opened = readonly OpenedToken[];
const NO_TOKENS: Opened = [];
const NO_TEXTS: readonly string[] = [];

/** Reads the tokens that clients bring, once per unit of work, when first needed. */
export class ClientTokens implements Requirements {
  /** Whether a client may become known bit by bit. */
  private readonly mayLearn: boolean;
  private readonly openedTexts: OpenedTexts;

  constructor(
    private readonly deps: ClientTokensDeps,
    private readonly carriers: readonly Carrier[],
  ) {
    this.mayLearn = carriers.some(({ knowsMore }) => knowsMore !== undefined);
    this.openedTexts = new OpenedTexts(deps.keyring, deps.positions);
  }

  of(unit: UnitOfWork, work: ClusterWork): Requirement | Promise<Requirement> {
    const opened = this.openedFor(unit, work);
    return opened instanceof Promise
      ? opened.then((tokens) => this.demandOf(tokens, work))
      : this.demandOf(opened, work);
  }

  /** Reads what the client brought, for code that hands it on. At the level `'eventual'` there is nothing to hand on. */
  async read(unit: UnitOfWork, work: ClusterWork): Promise<void> {
    if (levelOf(unit, this.deps.consistency.level) !== 'eventual') await this.openedFor(unit, work);
  }

  private demandOf(opened: Opened, { written }: ClusterWork): Requirement {
    if (opened.length === 0 && written.length === 0) return NO_REQUIREMENT;
    const { consistency, topology, clock } = this.deps;
    const context = topology.requirementContext(clock.now(), consistency);
    const own = written.map((token): OpenedToken => ({ kind: 'token', token }));
    return requirementOf([...opened, ...own], context);
  }

  /** The tokens of a unit and of those around it. */
  private openedFor(unit: UnitOfWork, work: ClusterWork): Opened | Promise<Opened> {
    const own = this.knownOf(work) ?? this.readFor(unit, work);
    const { parent } = unit;
    const outer = parent ? this.openedFor(parent, parent.on(this.deps.cluster)) : NO_TOKENS;
    if (own instanceof Promise || outer instanceof Promise) {
      return Promise.all([own, outer]).then((all) => all.flat());
    }
    return outer.length === 0 ? own : [...own, ...outer];
  }

  /** What was read, unless there is more to be read by now. */
  private knownOf({ incoming, asking }: ClusterWork): Opened | undefined {
    return this.mayLearn && asking?.isOutdated ? undefined : incoming;
  }

  private readFor({ origin: { exchange, tokens } }: UnitOfWork, work: ClusterWork): Opened | Promise<Opened> {
    if (!exchange) {
      const texts = tokens?.cluster === this.deps.cluster ? [tokens.text] : NO_TEXTS;
      return (work.incoming = this.open(texts));
    }
    const asking = (work.asking ??= new IncomingTokens(exchange, this.carriers, this.carrierFailed));
    const answers = asking.read();
    if (!(answers instanceof Promise)) return this.collect(work, answers);
    const { questions } = asking;
    return answers.then((all) => {
      // Another query of the unit was faster, or has found more.
      if (work.incoming && questions <= asking.opened) return work.incoming;
      asking.opened = questions;
      return this.collect(work, all);
    });
  }

  private collect(work: ClusterWork, answers: readonly CarrierAnswer[]): Opened {
    const texts: string[] = [];
    let isComplete = true;
    let hasFailed = false;
    for (const answer of answers) {
      // `undefined`: the client's key is not known yet, so that carrier must be asked again.
      if (answer === undefined) isComplete = false;
      else if (answer === FAILED) hasFailed = true;
      else texts.push(...answer);
    }
    const opened = this.open(texts, isComplete && !work.incoming);
    // What a failing carrier holds back nobody knows, so the client may have written just now.
    const all = hasFailed ? [...opened, this.unknownToken()] : opened;
    if (isComplete) work.incoming = all;
    return all;
  }

  private open(texts: readonly string[], isCounted = true): Opened {
    if (texts.length === 0) return NO_TOKENS;
    const { keyring, clock, consistency, counters } = this.deps;
    const nowMs = clock.now();
    const { opened: all, dropped } = this.openedTexts.open(texts);
    const opened = doubtFarFuture(all, keyring, nowMs + consistency.maxAgeMs);
    if (!isCounted) return opened;
    for (const one of opened) counters.countToken(fateOf(one, nowMs - consistency.maxAgeMs));
    if (dropped > 0) counters.countToken('dropped', dropped);
    return opened;
  }

  private readonly carrierFailed = (error: unknown): void => {
    this.deps.counters.countToken('carrier-failed');
    this.deps.onProblem(error);
  };

  private unknownToken(): OpenedToken {
    return { kind: 'not-understood', issuedAtMs: this.deps.clock.now(), why: 'key' };
  }
}

function fateOf(opened: OpenedToken, forgottenBeforeMs: number): string {
  if (opened.kind !== 'token') return opened.kind;
  return opened.token.issuedAtMs < forgottenBeforeMs ? 'expired' : 'returned';
}
