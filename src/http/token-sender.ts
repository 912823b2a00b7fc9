import type { Carrier, OutgoingToken } from '../tokens/carrier.js';
import type { UnitOfWork } from '../context/unit-of-work.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { ClusterEmitter } from '../cluster/events/cluster-events.js';
import type { RouteCounters } from '../cluster/events/route-counters.js';
import type { UnitTokens } from '../cluster/tokens/unit-tokens.js';
import type { TokenSink } from '../cluster/tokens/token-sink.js';
import { beforeHead } from './before-head.js';
import { httpUnitOf, type HttpUnit } from './http-origin.js';

/** What is asked for tokens, and told of them. */
export interface TokenSenderDeps {
  readonly options: ResolvedOptions;
  readonly carriers: readonly Carrier[];
  readonly tokens: Pick<UnitTokens, 'seal'>;
  readonly counters: RouteCounters;
  readonly events: ClusterEmitter;
  readonly onCarrierProblem: (error: unknown) => void;
}

/**
 * Gives clients their tokens: into stores at once, into cookies and headers with the response's head. Units that wrote
 * tell all carriers, units that only read those that pass on what was read.
 */
export class TokenSender implements TokenSink {
  private readonly lateHandlers = new Set<string>();
  private readonly recorders: readonly Carrier[];
  private hasWarned = false;

  constructor(private readonly deps: TokenSenderDeps) {
    this.recorders = deps.carriers.filter(({ record }) => record);
  }

  wrote(writer: UnitOfWork): void | Promise<void> {
    const found = httpUnitOf(writer);
    if (!found) return;
    const recorded = this.recorders.length > 0 ? this.record(found) : undefined;
    if (found.origin.hasEnded) this.noteLateWrite(found, writer);
    else this.sendWithHead(found);
    return recorded;
  }

  read(reader: UnitOfWork): void | Promise<void> {
    const found = httpUnitOf(reader);
    if (!found) return;
    if (!found.origin.hasEnded) this.sendWithHead(found);
    return this.record(found);
  }

  private record({ unit, origin }: HttpUnit): void | Promise<void> {
    const recording = this.recorders.flatMap((carrier) => {
      const token = this.outgoing(unit, carrier);
      return token ? this.tryTo(() => carrier.record?.(origin, token)) : [];
    });
    if (recording.length > 0) return Promise.all(recording).then(() => undefined);
  }

  private sendWithHead({ unit, origin }: HttpUnit): void {
    if (!origin.claimHead(this.deps.options.name)) return;
    beforeHead(origin.response, () => {
      for (const carrier of this.deps.carriers) this.send(carrier, { unit, origin });
      if (this.deps.carriers.length > 0 && unit.on(this.deps.options.name).writes.tokens.length > 0)
        this.noteIssued();
    });
  }

  private send(carrier: Carrier, { unit, origin }: HttpUnit): void {
    const token = this.outgoing(unit, carrier);
    if (!token) return;
    try {
      carrier.send?.(origin, token);
    } catch (error) {
      this.carrierFailed(error);
    }
  }

  /** What a carrier is given; `undefined`: nothing, since the unit only read and the carrier is not for that. */
  private outgoing(unit: UnitOfWork, { carriesReads }: Carrier): OutgoingToken | undefined {
    const { writes, reads } = unit.on(this.deps.options.name);
    const written = writes.tokens;
    const wrote = written.length > 0;
    const tokens = carriesReads ? [...written, ...reads] : written;
    if (tokens.length === 0) return undefined;
    return { text: this.deps.tokens.seal(tokens), maxAgeMs: this.deps.options.consistency.maxAgeMs, wrote };
  }

  /** The write has happened: a carrier that fails must not make it look failed. */
  private async tryTo(record: () => Promise<void> | undefined): Promise<void> {
    try {
      await record();
    } catch (error) {
      this.carrierFailed(error);
    }
  }

  private carrierFailed(error: unknown): void {
    this.deps.counters.countToken('carrier-failed');
    this.deps.onCarrierProblem(error);
  }

  private noteLateWrite({ unit, origin }: HttpUnit, writer: UnitOfWork): void {
    // GraphQL's handlers are fields: they have units of their own inside that of the request.
    const handler = unit.handler ?? writer.handler ?? `${origin.method} ${origin.path}`;
    if (this.lateHandlers.has(handler) || this.lateHandlers.size >= MAX_HANDLERS) return;
    this.lateHandlers.add(handler);
    this.deps.events.emit('lateWrite', { handler });
  }

  private noteIssued(): void {
    const { counters, events } = this.deps;
    counters.countToken('issued');
    if (this.hasWarned || counters.tokens('issued') < ISSUED_UNRETURNED) return;
    this.hasWarned = true;
    if (CAME_BACK.some((kind) => counters.tokens(kind) > 0)) return;
    events.emit('promiseWeakened', { node: undefined, detail: NONE_RETURNED });
  }
}

const MAX_HANDLERS = 1_000;
const ISSUED_UNRETURNED = 100;
/** Kinds of token that a client can only have from a response. */
const CAME_BACK = ['returned', 'not-understood', 'expired'];
const NONE_RETURNED =
  `${ISSUED_UNRETURNED} tokens were issued and none has come back, so clients may not see their own writes. Usual causes: ` +
  "fetch without credentials: 'include', a front end of another site (cookie.sameSite 'None', secure, partitioned), " +
  'plain http on a host other than localhost (cookie.secure: false), a CDN or gateway that drops cookies, or clients that keep none (use the header or the store carrier).';
