import type { Carrier, Exchange } from '../consistency/carrier.js';
import type { OpenedToken } from '../consistency/envelope.js';
import type { Keyring } from '../consistency/keyring.js';
import { NO_REQUIREMENT, requirementOf, type Requirement } from '../consistency/requirement.js';
import { openTokens } from '../consistency/token-text.js';
import type { ClusterWork } from '../context/cluster-work.js';
import type { UnitOfWork } from '../context/unit-of-work.js';
import type { ResolvedConsistency } from '../options/resolved-options.js';
import type { Clock } from './clock.js';
import type { RouteCounters } from './route-counters.js';
import type { Requirements } from './router.js';
import type { Topology } from './topology.js';

/** What reading the tokens of clients needs. */
export interface ClientTokensParts {
  readonly cluster: string;
  readonly consistency: ResolvedConsistency;
  readonly keyring: Keyring;
  readonly topology: Topology;
  readonly counters: RouteCounters;
  readonly clock: Clock;
  readonly onProblem: (error: unknown) => void;
}

type Opened = readonly OpenedToken[];
const NO_TOKENS: Opened = [];

/** Reads the tokens that clients bring, once per unit of work, when first needed. */
export class ClientTokens implements Requirements {
  constructor(
    private readonly parts: ClientTokensParts,
    private readonly carriers: readonly Carrier[],
  ) {}

  of(unit: UnitOfWork, work: ClusterWork): Requirement | Promise<Requirement> {
    if (this.parts.consistency.level === 'eventual') return NO_REQUIREMENT;
    const opened = this.openedFor(unit);
    return opened instanceof Promise
      ? opened.then((tokens) => this.demandOf(tokens, work))
      : this.demandOf(opened, work);
  }

  private demandOf(opened: Opened, { written }: ClusterWork): Requirement {
    if (opened.length === 0 && written.length === 0) return NO_REQUIREMENT;
    const { consistency, topology, clock } = this.parts;
    const { systemId, timeline } = topology.primary.snapshot;
    const { pinMs, maxAgeMs } = consistency;
    const nowMs = clock.now();
    const context = { clusterId: systemId, timeline, nowMs, pinMs, maxAgeMs };
    const own = written.map((token): OpenedToken => ({ kind: 'token', token }));
    const demand = requirementOf([...opened, ...own], context);
    if (consistency.level === 'session' || demand === NO_REQUIREMENT) return demand;
    return { position: undefined, pinnedUntilMs: nowMs + maxAgeMs };
  }

  /** The tokens of a unit and of those around it. */
  private openedFor(unit: UnitOfWork): Opened | Promise<Opened> {
    const work = unit.on(this.parts.cluster);
    if (work.incoming) return work.incoming;
    const own = this.readFor(unit);
    const outer = unit.parent ? this.openedFor(unit.parent) : NO_TOKENS;
    if (own instanceof Promise || outer instanceof Promise) {
      return Promise.all([own, outer]).then((all) => all.flat());
    }
    return outer.length === 0 ? own : [...own, ...outer];
  }

  private readFor(unit: UnitOfWork): Opened | Promise<Opened> {
    const { exchange, tokens } = unit.origin;
    const texts = tokens?.cluster === this.parts.cluster ? [tokens.text] : [];
    if (!exchange) return this.keep(unit, this.open(texts));
    const answers = this.carriers.map((carrier) => this.ask(carrier, exchange));
    if (answers.some((answer) => answer instanceof Promise)) {
      return Promise.all(answers).then((all) => this.collect(unit, all));
    }
    return this.collect(unit, answers as (readonly string[] | undefined | typeof FAILED)[]);
  }

  private collect(
    unit: UnitOfWork,
    answers: readonly (readonly string[] | undefined | typeof FAILED)[],
  ): Opened {
    const texts = answers.flatMap((answer) => (answer === FAILED ? [] : (answer ?? [])));
    const opened = texts.length === 0 ? NO_TOKENS : this.open(texts);
    // What a failing carrier holds back nobody knows, so the client may have written just now.
    const failed = answers.filter((answer) => answer === FAILED).map(() => this.unknownToken());
    const all = failed.length === 0 ? opened : [...opened, ...failed];
    // `undefined`: the client's key is not known yet, so that carrier must be asked again.
    return answers.includes(undefined) ? all : this.keep(unit, all);
  }

  private keep(unit: UnitOfWork, opened: Opened): Opened {
    unit.on(this.parts.cluster).incoming = unit.parent ? undefined : opened;
    return opened;
  }

  private open(texts: readonly string[]): Opened {
    if (texts.length === 0) return NO_TOKENS;
    const { opened, dropped } = openTokens(texts, this.parts.keyring);
    for (const { kind } of opened) this.parts.counters.countToken(kind === 'token' ? 'returned' : kind);
    if (dropped > 0) this.parts.counters.countToken('dropped', dropped);
    return opened;
  }

  private ask(
    carrier: Carrier,
    exchange: Exchange,
  ): readonly string[] | undefined | typeof FAILED | Promise<readonly string[] | undefined | typeof FAILED> {
    try {
      const answer = carrier.read(exchange);
      return answer instanceof Promise ? answer.catch((error: unknown) => this.fail(error)) : answer;
    } catch (error) {
      return this.fail(error);
    }
  }

  private fail(error: unknown): typeof FAILED {
    this.parts.counters.countToken('carrier-failed');
    this.parts.onProblem(error);
    return FAILED;
  }

  private unknownToken(): OpenedToken {
    return { kind: 'not-understood', issuedAtMs: this.parts.clock.now(), why: 'key' };
  }
}

const FAILED = Symbol('failed');
