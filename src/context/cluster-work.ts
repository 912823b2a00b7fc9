import type { Positions } from '../position.js';
import { mergeTokens, type Token } from '../tokens/token.js';
import type { OpenedToken } from '../tokens/envelope.js';
import type { IncomingTokens } from '../tokens/incoming-tokens.js';
import type { IntentChoice, Route } from '../routing/route.js';

const NO_TOKENS: readonly Token[] = [];

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

/** What one unit of work has done on one cluster. Writes are told to the units around it, intents are not. */
export class ClusterWork {
  /** Rules 4 to 7 of the precedence, once the handler is known. */
  choice: IntentChoice | undefined;
  /** A write under replica intent has moved the unit to the primary. */
  promoted = false;
  /** The last choice. */
  route: Route | undefined;
  /** Asks the carriers for the tokens that the client brought. */
  asking: IncomingTokens | undefined;
  /** The tokens that the client brought, once read. */
  incoming: readonly OpenedToken[] | undefined;
  /** One for a unit and all units inside it. */
  readonly tally: QueryTally;
  /** Writable transactions that are open now. */
  openTransactions = 0;
  private committed = false;
  private tokens = NO_TOKENS;
  private readTokens = NO_TOKENS;
  private ownReplica: string | undefined;

  constructor(
    readonly cluster: string,
    private readonly outer?: ClusterWork,
  ) {
    this.tally = outer?.tally ?? { primary: 0, replica: 0, waitedMs: 0, retries: 0 };
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

  /** Whether the unit, or one around it, has written. */
  get wrote(): boolean {
    return this.committed || (this.outer?.wrote ?? false);
  }

  /** The tokens of its writes, of the units inside it and of those around it: the outermost unit is told of them all. */
  get written(): readonly Token[] {
    return this.outer ? this.outer.written : this.tokens;
  }

  /** Tokens for what it, and the units inside it, have read (monotonic reads). */
  get reads(): readonly Token[] {
    return this.readTokens;
  }

  /** Notes what was read, by a token of a position at or after it. */
  addRead(token: Token, positions: Positions): void {
    this.readTokens = mergeTokens([...this.readTokens, token], positions);
    this.outer?.addRead(token, positions);
  }

  /** Notes a committed write, with the token for it. */
  addWrite(token: Token, positions: Positions): void {
    this.committed = true;
    if (this.outer) this.outer.addWrite(token, positions);
    else this.tokens = mergeTokens([...this.tokens, token], positions);
  }
}
