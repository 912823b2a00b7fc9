import type { Seen } from '../load/visits.js';

/** When what was broken. */
export interface FaultTimes {
  readonly struckAtMs: number;
  readonly mendedAtMs: number;
  /** Port of the broken server. */
  readonly port: number;
}

/** What the clients saw of a fault. */
export type FaultVerdict = Readonly<ReturnType<typeof judgeFault>>;

/** A read that takes longer was held up by something. */
const HELD_UP_MS = 250;

/** Judges a fault by what clients noted alone, so that all variants are judged alike. */
export function judgeFault(seen: readonly Seen[], { struckAtMs, mendedAtMs, port }: FaultTimes) {
  const reads = seen.filter(({ isWrite }) => !isWrite);
  const during = reads.filter(({ sentAtMs }) => sentAtMs >= struckAtMs && sentAtMs < mendedAtMs);
  const felt = during.filter((one) => one.hasFailed || one.tookMs > HELD_UP_MS || one.port === port);
  const lastFeltMs = Math.max(struckAtMs, ...felt.map(({ sentAtMs }) => sentAtMs));
  // Within the last tenth of the fault reads are still hit: it was not left at all.
  const isLeft = mendedAtMs - lastFeltMs > 0.1 * (mendedAtMs - struckAtMs);
  const isPrimary = !reads.some((one) => one.port === port && one.sentAtMs < struckAtMs);
  const back = seen.filter(
    (one) =>
      one.sentAtMs + one.tookMs >= mendedAtMs &&
      !one.hasFailed &&
      (isPrimary ? one.isWrite : one.port === port),
  );
  const firstBackMs = Math.min(...back.map(({ sentAtMs, tookMs }) => sentAtMs + tookMs));
  return {
    requests: seen.length,
    failedReads: reads.filter(({ hasFailed }) => hasFailed).length,
    failedWrites: seen.filter((one) => one.isWrite && one.hasFailed).length,
    staleReads: reads.filter(({ isStale }) => isStale).length,
    longestStallMs: Math.max(...reads.map(({ tookMs }) => tookMs)),
    /** From the fault to the last read that felt it: failed, was held up, or got the answer of the broken server. */
    ejectMs: isLeft ? lastFeltMs - struckAtMs : ('never' as const),
    /** From the mend to the first answer of the mended server; for the primary: to the first write that works. */
    returnMs: Number.isFinite(firstBackMs) ? firstBackMs - mendedAtMs : ('never' as const),
  };
}
