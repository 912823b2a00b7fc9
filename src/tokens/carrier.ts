/** The parts of a Node request that carriers read. */
export interface CarrierRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** The parts of a Node response that carriers write. */
export interface CarrierResponse {
  getHeader(name: string): number | string | readonly string[] | undefined;
  setHeader(name: string, value: string | readonly string[]): unknown;
}

/** One request and its response. */
export interface Exchange {
  /** Headers as Node gives them, for cookies and the like. */
  readonly request: CarrierRequest;
  readonly response: CarrierResponse;
  /** The platform's request (Express, Fastify), for users' functions such as `key` and `affinity`. */
  readonly platformRequest: unknown;
}

/** What a carrier has to pass on. */
export interface OutgoingToken {
  /** The sealed token, ASCII without separators of cookies and headers. */
  readonly text: string;
  readonly maxAgeMs: number;
  /** `true`: this unit wrote. `false`: it only read, and the token holds the highest position it read (monotonic reads). */
  readonly wrote: boolean;
}

/**
 * Takes tokens from clients and gives tokens to them. Every method gets its exchange; a carrier keeps no state of it.
 *
 * ```ts
 * const grpcMetadata: Carrier = { name: 'metadata', read: (exchange) => ..., send: (exchange, token) => ... };
 * ReplicatedModule.forRoot({ ..., consistency: { carriers: ['cookie', grpcMetadata] } });
 * ```
 */
export interface Carrier {
  readonly name: string;
  /** The tokens that the client brought. Called at most once per unit unless it answers `undefined`: not known yet, ask again. */
  read(exchange: Exchange): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  /** Whether `read` would find more by now than it has answered: asked before each use of a replica. For clients who become known bit by bit. */
  knowsMore?(exchange: Exchange): boolean;
  /** Called right after a write, awaited before the write returns to its caller. For stores. */
  record?(exchange: Exchange, token: OutgoingToken): Promise<void>;
  /** Called before the response's head is sent, at most once. For cookies and headers. */
  send?(exchange: Exchange, token: OutgoingToken): void;
  /** Whether this carrier can pass on tokens of units that only read (monotonic reads). @default false */
  readonly carriesReads?: boolean;
}

/** A carrier of ours, which sees at a glance that a request brings nothing: most do not. */
export interface GlancingCarrier extends Carrier {
  bringsNothing(exchange: Exchange): boolean;
}
