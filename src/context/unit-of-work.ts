import type { Exchange } from '../tokens/carrier.js';
import type { UnavailableError } from '../errors.js';
import type { Positions } from '../position.js';
import type { ConsistencyLevel, HandlerMark } from '../routing/resolve-intent.js';
import type { FallbackReason, IntentChoice, Route } from '../routing/route.js';
import type { OpenedToken } from '../tokens/envelope.js';
import type { IncomingTokens } from '../tokens/incoming-tokens.js';
import { mergeTokens, type Token } from '../tokens/token.js';

/** What the decorators say of a handler and of its controller. One object per handler, by which it is known. */
export interface HandlerMarks {
  /** `PostsController.visit`. */
  readonly name: string;
  readonly handler: HandlerMark | undefined;
  readonly controller: HandlerMark | undefined;
}

/** Where a unit of work comes from. */
export interface UnitOrigin {
  /** `'http'` units learn their handler from the guard, the others know it from the start. */
  readonly kind: 'http' | 'operation' | 'message' | 'run';
  /** HTTP method, upper case. */
  readonly method?: string | undefined;
  /** Path of the request, without its query string. */
  readonly path?: string | undefined;
  readonly operation?: 'query' | 'mutation' | 'subscription' | undefined;
  /** The request and response, where tokens travel. */
  readonly exchange?: Exchange | undefined;
  /** A token that came by other ways, such as the data of a job. */
  readonly tokens?: { readonly cluster: string; readonly text: string } | undefined;
  /** Whether the response's head is sent, so that it cannot carry a token any more. */
  readonly hasEnded?: boolean;
  /**
   * Has `listener` called when the client goes away before it has all of its response; the answer ends that.
   */
  onGone?(listener: () => void): () => void;
  /** A query of the unit failed because no server may answer it now. */
  onUnavailable?(error: UnavailableError): void;
}

/** A request, message, resolver, job or `run` block, and what it has done so far on each cluster. */
export class UnitOfWork {
  /** `undefined` until the handler is known: middleware of the application runs before that. */
  marks: HandlerMarks | undefined;
  /** The unit of the request that it belongs to, however deep it is nested. */
  readonly requestUnit: UnitOfWork | undefined;
  /** The request itself. */
  readonly request: UnitOrigin | undefined;
  /** A `run` block speaks for one cluster; on the others the unit around it goes on. */
  readonly isBlock: boolean;
  private phase: 'before' | 'running' | 'ended' = 'before';
  private readonly works: ClusterWork[] = [];

  constructor(
    readonly origin: UnitOrigin,
    readonly parent?: UnitOfWork,
  ) {
    this.requestUnit = origin.kind === 'http' ? this : parent?.requestUnit;
    this.request = this.requestUnit?.origin;
    this.isBlock = origin.kind === 'run';
  }

  /** Tells a unit its handler. What it chose before, for code in front of the handler, does not bind that. */
  decide(marks: HandlerMarks): void {
    this.marks = marks;
    for (const work of this.works) work.choice = undefined;
  }

  /** Whether the call of a handler that begins now is the one that the unit is for. */
  begin(): boolean {
    if (this.phase !== 'before' || !this.marks) return false;
    this.phase = 'running';
    return true;
  }

  /** Its handler, or block, has answered or failed. */
  end(): void {
    this.phase = 'ended';
  }

  /**
   * Whether its handler has ended, so that the unit has no say any more in what is written in its context. An operation
   * ends with the response of its request, and so does a request of which no handler was called.
   */
  get hasEnded(): boolean {
    if (this.phase !== 'before') return this.phase === 'ended';
    const { kind } = this.origin;
    return (kind === 'http' || kind === 'operation') && this.request?.hasEnded === true;
  }

  /** What the unit has done on a cluster. */
  on(cluster: string): ClusterWork {
    for (const work of this.works) if (work.cluster === cluster) return work;
    const work = new ClusterWork(this, cluster, this.parent?.on(cluster));
    this.works.push(work);
    return work;
  }

  /** Tells the request, which may answer 503, that no server could serve a query. */
  noteUnavailable(error: UnavailableError): void {
    this.origin.onUnavailable?.(error);
    this.parent?.noteUnavailable(error);
  }

  /** The innermost handler that is known. */
  get handlerMarks(): HandlerMarks | undefined {
    return this.marks ?? this.parent?.handlerMarks;
  }

  /** Its name: `PostsController.visit`. */
  get handler(): string | undefined {
    return this.handlerMarks?.name;
  }

  /** Whether its handler can still become known. */
  get isUndecided(): boolean {
    if (this.marks) return false;
    return this.isBlock ? (this.parent?.isUndecided ?? false) : this.origin.kind === 'http';
  }

  /** What the decorators of its handler say, or of one around it; else the level of the module. */
  levelOr(ofModule: ConsistencyLevel): ConsistencyLevel {
    const level = this.marks?.handler?.consistency ?? this.marks?.controller?.consistency;
    return level ?? this.parent?.levelOr(ofModule) ?? ofModule;
  }
}

/** What has been asked of a cluster, in numbers. */
export interface QueryTally {
  /** Queries by the role of the server that got them. */
  primary: number;
  replica: number;
  /** How long they have waited for replicas to catch up, or for a permit of the fall-back. */
  waitedMs: number;
  /** Queries that have failed and were sent again. */
  retries: number;
}

/** What a unit has read from the primary in the place of replicas. */
export interface FallenBack {
  /** Why it read there first; `undefined`: it has not. */
  reason: FallbackReason | undefined;
  /** When the last such read has ended, by `nextInSequence`. */
  endedAt: number;
}

/** What the units of one handler have done on a cluster, in numbers. */
export interface HandlerTally {
  /** Queries by the role of the server that got them. */
  primary: number;
  replica: number;
  /** Commits that have written. */
  writes: number;
  /** Writes, and what may have been some, under a replica intent. */
  misplaced: number;
  waits: number;
  waitedMs: number;
  refusals: number;
}

const NO_TOKENS: readonly Token[] = [];

/** What one unit of work has done on one cluster. Writes are told to the units around it, intents are not. */
export class ClusterWork {
  /** What `intentOfUnit` has answered, once the handler is known. */
  choice: IntentChoice | undefined;
  /** Of its handler, once that is known. */
  handled: HandlerTally | undefined;
  /** A write under replica intent has moved the unit to the primary. */
  promoted = false;
  /** The last choice. */
  route: Route | undefined;
  /** Asks the carriers for the tokens that the client brought. */
  asking: IncomingTokens | undefined;
  /** The tokens that the client brought, once read. */
  incoming: readonly OpenedToken[] | undefined;
  /** Writable transactions that are open now. */
  openTransactions = 0;
  /** Tokens for what it, and the units inside it, have read (monotonic reads). */
  reads = NO_TOKENS;
  /** The tokens of its writes: one list for the outermost unit and all inside it. Empty: none of them has written. */
  readonly writes: { tokens: readonly Token[] };
  /** One for the outermost unit and all inside it, and so is the next. */
  readonly fallenBack: FallenBack;
  readonly tally: QueryTally;
  private ownReplica: string | undefined;
  private ownLot: number | undefined;

  constructor(
    readonly unit: UnitOfWork,
    readonly cluster: string,
    readonly outer?: ClusterWork,
  ) {
    this.writes = outer ? outer.writes : { tokens: NO_TOKENS };
    this.fallenBack = outer?.fallenBack ?? { reason: undefined, endedAt: 0 };
    this.tally = outer ? outer.tally : { primary: 0, replica: 0, waitedMs: 0, retries: 0 };
  }

  /** Name of the replica that serves the unit; as long as it has none, that of the unit around it. */
  get replica(): string | undefined {
    return this.ownReplica ?? this.outer?.replica;
  }

  /** The first one also serves the unit around it, and so those beside it: parallel resolvers see one state. */
  set replica(name: string) {
    this.ownReplica = name;
    if (this.outer && this.outer.replica === undefined) this.outer.replica = name;
  }

  /** The number by which a client without a key is inside of `routing.share`: one for the outermost unit and all inside it. */
  lot(random: () => number): number {
    return this.outer ? this.outer.lot(random) : (this.ownLot ??= random());
  }

  /** Notes what was read, by a token of a position at or after it. */
  addRead(token: Token, positions: Positions): void {
    this.reads = mergeTokens([...this.reads, token], positions);
    this.outer?.addRead(token, positions);
  }

  /** Notes a committed write, with the token for it. */
  addWrite(token: Token, positions: Positions): void {
    this.writes.tokens = mergeTokens([...this.writes.tokens, token], positions);
  }
}
