import type { Positions } from '../../position.js';
import type { Carrier, Exchange, GlancingCarrier } from '../../tokens/carrier.js';
import type { OpenedToken } from '../../tokens/envelope.js';
import { FAILED, IncomingTokens, type CarrierAnswer } from '../../tokens/incoming-tokens.js';
import type { Keyring } from '../../tokens/keyring.js';
import { NO_REQUIREMENT, type Requirement } from '../../routing/route-input.js';
import { requirementOf } from '../../tokens/requirement.js';
import { OpenedTexts } from '../../tokens/opened-texts.js';
import { doubtFarFuture } from '../../tokens/token-text.js';
import type { ClusterWork } from '../../context/unit-of-work.js';
import type { ResolvedConsistency } from '../../options/resolved-options.js';
import type { Clock } from '../../clock.js';
import type { RouteCounters } from '../events/route-counters.js';
import type { Topology } from '../nodes/topology.js';

/** What reading the tokens of clients needs. */
export interface ClientTokensDeps {
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
export class ClientTokens {
  /** Whether a carrier may find more tokens of a client in the course of a unit. */
  private readonly mayLearn: boolean;
  /** The carriers, if a glance at each tells whether a client has brought anything. */
  private readonly glancing: readonly GlancingCarrier[] | undefined;
  private readonly openedTexts: OpenedTexts;

  constructor(
    private readonly deps: ClientTokensDeps,
    private readonly carriers: readonly Carrier[],
  ) {
    this.mayLearn = carriers.some(({ knowsMore }) => knowsMore !== undefined);
    const isGlancing = (carrier: Carrier): carrier is GlancingCarrier => 'bringsNothing' in carrier;
    this.glancing = carriers.every(isGlancing) ? carriers : undefined;
    this.openedTexts = new OpenedTexts(deps.keyring, deps.positions);
  }

  /** What they demand, with what the unit has written itself. A client that brought nothing costs one look. */
  of(work: ClusterWork): Requirement | Promise<Requirement> {
    const opened = this.openedFor(work);
    if (opened === NO_TOKENS && work.writes.tokens.length === 0) return NO_REQUIREMENT;
    return opened instanceof Promise
      ? opened.then((tokens) => this.demandOf(tokens, work))
      : this.demandOf(opened, work);
  }

  /** Reads what the client brought, for code that hands it on. At the level `'eventual'` there is nothing to hand on. */
  async read(work: ClusterWork): Promise<void> {
    if (work.unit.levelOr(this.deps.consistency.level) !== 'eventual') await this.openedFor(work);
  }

  private demandOf(opened: Opened, { writes }: ClusterWork): Requirement {
    const { consistency, topology, clock } = this.deps;
    const context = topology.requirementContext(clock.now(), consistency);
    const own = writes.tokens.map((token): OpenedToken => ({ kind: 'token', token }));
    return requirementOf([...opened, ...own], context);
  }

  /** The tokens of a unit and of those around it. */
  private openedFor(work: ClusterWork): Opened | Promise<Opened> {
    const { incoming, asking, outer } = work;
    const mayBeMore = this.mayLearn && asking?.isOutdated;
    const own = incoming && !mayBeMore ? incoming : this.readFor(work);
    const around = outer ? this.openedFor(outer) : NO_TOKENS;
    if (own instanceof Promise || around instanceof Promise) {
      return Promise.all([own, around]).then((all) => all.flat());
    }
    return around.length === 0 ? own : [...own, ...around];
  }

  private readFor(work: ClusterWork): Opened | Promise<Opened> {
    const { exchange, tokens } = work.unit.origin;
    if (!exchange) {
      const texts = tokens?.cluster === work.cluster ? [tokens.text] : NO_TEXTS;
      return (work.incoming = this.open(texts));
    }
    if (this.bringsNothing(exchange)) return (work.incoming = NO_TOKENS);
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

  private bringsNothing(exchange: Exchange): boolean {
    if (!this.glancing) return false;
    for (const carrier of this.glancing) if (!carrier.bringsNothing(exchange)) return false;
    return true;
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
    // What a failing carrier would have brought is not known: the client may have written just now.
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
    return { kind: 'not-understood', issuedAtMs: this.deps.clock.now(), why: 'carrier-failed' };
  }
}

function fateOf(opened: OpenedToken, forgottenBeforeMs: number): string {
  if (opened.kind !== 'token') return opened.kind;
  return opened.token.issuedAtMs < forgottenBeforeMs ? 'expired' : 'returned';
}
