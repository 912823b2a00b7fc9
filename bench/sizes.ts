/** Lag of the replicas, and the share of the visits that write. */
export interface LagCell {
  readonly lagMs: number;
  readonly writeShare: number;
}

const USUAL_WRITE_SHARE = 0.1;

export function hasUsualWrites({ writeShare }: LagCell): boolean {
  return writeShare === USUAL_WRITE_SHARE;
}

/** Every lag at the usual share of writes, then other shares at one of the lags. */
function lagCells(...lagsMs: readonly number[]): readonly LagCell[] {
  const usual = lagsMs.map((lagMs) => ({ lagMs, writeShare: USUAL_WRITE_SHARE }));
  return [...usual, ...[0.01, 0.3].map((writeShare) => ({ lagMs: 200, writeShare }))];
}

const FAST_FAULTS = ['killed', 'paused', 'primary-killed'];
const ALL_FAULTS = ['killed', 'stalled', 'blackholed', 'paused', 'primary-killed'];

/** How often the servers are started (0: it is left out), and the rounds of each start and the requests of each round. */
function scene(starts: number, warmUpRounds: number, rounds: number, requests: number) {
  return { starts, warmUpRounds, rounds, requests };
}

/** For publication. */
const FULL = {
  /** Those of the calls that the page does not show, too. */
  hasAllContenders: true,
  calls: { starts: 2, warmUpRounds: 80, rounds: 40, perRound: 50 },
  platforms: ['express', 'fastify'] as readonly ('express' | 'fastify')[],
  /** 6,000 requests of each kind come first: until then functions are still being compiled. */
  requests: { near: scene(2, 12, 4, 500), memory: scene(2, 6, 4, 1_000), link: scene(2, 2, 6, 60) },
  lag: { cells: lagCells(0, 5, 50, 200, 500), durationMs: 15_000, perSecond: 130 },
  wait: { maxWaitMs: [0, 5, 10, 15, 20, 30], rounds: 4, durationMs: 4_000, perSecond: 100 },
  faults: { names: ALL_FAULTS, perSecond: 100, beforeMs: 3_000, faultMs: 12_000, afterMs: 8_000 },
  scaling: { replicas: [0, 1, 2, 3, 4], writeShares: [0, 0.05, 0.2], rounds: 3, durationMs: 5_000 },
  start: { rounds: 11, entities: 200 },
  fleet: { instances: 20, durationMs: 20_000, probes: 500 },
};

export type Sizes = typeof FULL;
export type Mode = 'tiny' | 'short' | 'full';

const TINY: Sizes = {
  hasAllContenders: false,
  calls: { starts: 1, warmUpRounds: 1, rounds: 1, perRound: 3 },
  platforms: ['express'],
  requests: { near: scene(1, 1, 1, 10), memory: scene(1, 1, 1, 10), link: scene(1, 1, 1, 10) },
  lag: { cells: lagCells(0).slice(0, 1), durationMs: 300, perSecond: 50 },
  wait: { maxWaitMs: [0, 20], rounds: 1, durationMs: 200, perSecond: 50 },
  faults: { names: ['killed'], perSecond: 50, beforeMs: 200, faultMs: 500, afterMs: 300 },
  scaling: { replicas: [0, 1], writeShares: [0.05], rounds: 1, durationMs: 300 },
  start: { rounds: 1, entities: 5 },
  fleet: { instances: 2, durationMs: 500, probes: 3 },
};

const SHORT: Sizes = {
  hasAllContenders: false,
  calls: { starts: 1, warmUpRounds: 15, rounds: 10, perRound: 20 },
  platforms: ['express'],
  requests: { near: scene(1, 6, 3, 120), memory: scene(0, 0, 0, 0), link: scene(1, 1, 2, 40) },
  lag: { cells: lagCells(0, 50, 500), durationMs: 4_000, perSecond: 100 },
  wait: { maxWaitMs: [0, 10, 20], rounds: 1, durationMs: 2_000, perSecond: 100 },
  faults: { names: FAST_FAULTS, perSecond: 60, beforeMs: 500, faultMs: 3_500, afterMs: 2_000 },
  scaling: { replicas: [1, 4], writeShares: [0.05, 0.2], rounds: 1, durationMs: 6_000 },
  start: { rounds: 2, entities: 200 },
  fleet: { instances: 6, durationMs: 4_000, probes: 100 },
};

/** `tiny` proves that the harness works, `short` is a look. */
export const SIZES: Readonly<Record<Mode, Sizes>> = { tiny: TINY, short: SHORT, full: FULL };
