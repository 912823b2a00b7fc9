import { VARIANT_NAMES, type Variant } from './app/variant.js';

/** How much is measured. */
export interface Sizes {
  readonly calls: {
    readonly starts: number;
    readonly warmUpRounds: number;
    readonly rounds: number;
    readonly perRound: number;
  };
  /** Those of the parts `http` and `start`. */
  readonly variants: readonly Variant[];
  readonly http: {
    readonly platforms: readonly ('express' | 'fastify')[];
    /** How often the servers are started; the rounds are of each start. */
    readonly starts: number;
    /** Come first, and are not counted. */
    readonly warmUpRounds: number;
    readonly rounds: number;
    readonly requests: number;
    readonly connections: number;
  };
  /** Of each platform and Node, like `http`. */
  readonly share: Omit<Sizes['http'], 'platforms'>;
  /** Warmed up with more than 12,000 requests of each kind: until then functions are still being compiled. */
  readonly guarantee: Omit<Sizes['http'], 'platforms'>;
  readonly lag: {
    readonly cells: readonly LagCell[];
    readonly rounds: number;
    readonly durationMs: number;
    readonly clients: number;
    readonly perSecond: number;
  };
  readonly wait: {
    readonly maxWaitMs: readonly number[];
    readonly rounds: number;
    readonly durationMs: number;
    readonly clients: number;
    readonly perSecond: number;
  };
  readonly faults: {
    readonly names: readonly string[];
    readonly perSecond: number;
    readonly beforeMs: number;
    readonly faultMs: number;
    readonly afterMs: number;
  };
  readonly scaling: {
    readonly replicas: readonly number[];
    readonly writeShares: readonly number[];
    readonly rounds: number;
    readonly durationMs: number;
  };
  readonly units: { readonly rounds: number; readonly milliseconds: number };
  readonly start: { readonly rounds: number; readonly entities: number; readonly inFlight: number };
}

/** Apply delay of the replicas, and the share of the visits that write. */
export interface LagCell {
  readonly lagMs: number;
  readonly writeShare: number;
}

export const USUAL_WRITE_SHARE = 0.1;

export type Mode = 'tiny' | 'short' | 'full';

/** Every lag at the usual share of writes, then other shares at two of the lags. */
const LAG_CELLS: readonly LagCell[] = [
  ...[0, 5, 50, 200, 500].map((lagMs) => ({ lagMs, writeShare: USUAL_WRITE_SHARE })),
  ...[0.01, 0.3].flatMap((writeShare) => [0, 200].map((lagMs) => ({ lagMs, writeShare }))),
];

const WAITS_MS = [0, 5, 10, 15, 20, 30];
const ALL_FAULTS = ['killed', 'stalled', 'blackholed', 'paused', 'primary-killed'];

/** `tiny` proves that the harness works, `short` is a look, `full` is for publication. */
export const SIZES: Readonly<Record<Mode, Sizes>> = {
  tiny: {
    variants: ['plain', 'session', 'request-scoped'],
    calls: { starts: 1, warmUpRounds: 1, rounds: 1, perRound: 3 },
    http: { platforms: ['express'], starts: 1, warmUpRounds: 1, rounds: 1, requests: 10, connections: 2 },
    share: { starts: 1, warmUpRounds: 1, rounds: 1, requests: 10, connections: 2 },
    guarantee: { starts: 1, warmUpRounds: 1, rounds: 1, requests: 10, connections: 2 },
    lag: {
      cells: LAG_CELLS.filter(({ lagMs }) => lagMs === 0),
      rounds: 1,
      durationMs: 200,
      clients: 20,
      perSecond: 50,
    },
    wait: { maxWaitMs: [0, 20], rounds: 1, durationMs: 200, clients: 20, perSecond: 50 },
    faults: { names: ['killed'], perSecond: 50, beforeMs: 200, faultMs: 500, afterMs: 300 },
    scaling: { replicas: [0, 1], writeShares: [0.05], rounds: 1, durationMs: 300 },
    units: { rounds: 1, milliseconds: 2 },
    start: { rounds: 1, entities: 5, inFlight: 10 },
  },
  short: {
    variants: VARIANT_NAMES,
    calls: { starts: 2, warmUpRounds: 40, rounds: 40, perRound: 50 },
    http: {
      platforms: ['express', 'fastify'],
      starts: 2,
      warmUpRounds: 4,
      rounds: 4,
      requests: 300,
      connections: 4,
    },
    share: { starts: 2, warmUpRounds: 4, rounds: 6, requests: 1_500, connections: 4 },
    guarantee: { starts: 1, warmUpRounds: 25, rounds: 10, requests: 500, connections: 4 },
    lag: {
      cells: LAG_CELLS,
      rounds: 2,
      durationMs: 3_000,
      clients: 2_000,
      perSecond: 400,
    },
    wait: { maxWaitMs: WAITS_MS, rounds: 2, durationMs: 2_000, clients: 2_000, perSecond: 100 },
    faults: { names: ALL_FAULTS, perSecond: 100, beforeMs: 1_500, faultMs: 6_000, afterMs: 5_000 },
    scaling: { replicas: [0, 1, 2, 4], writeShares: [0, 0.05, 0.2], rounds: 1, durationMs: 3_000 },
    units: { rounds: 9, milliseconds: 25 },
    start: { rounds: 5, entities: 200, inFlight: 1_000 },
  },
  full: {
    variants: VARIANT_NAMES,
    calls: { starts: 3, warmUpRounds: 160, rounds: 60, perRound: 50 },
    http: {
      platforms: ['express', 'fastify'],
      starts: 3,
      warmUpRounds: 6,
      rounds: 4,
      requests: 300,
      connections: 4,
    },
    share: { starts: 3, warmUpRounds: 4, rounds: 6, requests: 1_500, connections: 4 },
    guarantee: { starts: 4, warmUpRounds: 25, rounds: 20, requests: 500, connections: 4 },
    lag: {
      cells: LAG_CELLS,
      rounds: 2,
      durationMs: 7_500,
      clients: 2_000,
      perSecond: 400,
    },
    wait: { maxWaitMs: WAITS_MS, rounds: 4, durationMs: 4_000, clients: 2_000, perSecond: 100 },
    faults: { names: ALL_FAULTS, perSecond: 100, beforeMs: 3_000, faultMs: 12_000, afterMs: 8_000 },
    scaling: { replicas: [0, 1, 2, 3, 4], writeShares: [0, 0.05, 0.2], rounds: 3, durationMs: 5_000 },
    units: { rounds: 25, milliseconds: 100 },
    start: { rounds: 11, entities: 200, inFlight: 1_000 },
  },
};
