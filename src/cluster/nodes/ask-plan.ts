/** What decides when a read that waits for a position has a replica asked for it. */
export interface AskTimes {
  readonly nowMs: number;
  /** When the read began to wait, and until when it may. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** How long after such a read began to wait replicas mostly have what it waits for. */
  readonly forecastMs: number;
  /** When the process last asked a replica. */
  readonly lastAskMs: number;
  /** From when on one of the replicas may be asked again. */
  readonly freeFromMs: number;
}

/** When a replica is asked next. What is told until then may be all that this read waits for. */
export function nextAskMs(times: AskTimes): number {
  const { nowMs, sinceMs, untilMs, forecastMs, lastAskMs, freeFromMs } = times;
  const latestMs = sinceMs + LATEST_SHARE * (untilMs - sinceMs);
  const expectedMs = Math.min(sinceMs + forecastMs, latestMs);
  return Math.max(nowMs, expectedMs, lastAskMs + ANSWER_MS, freeFromMs);
}

/**
 * The forecast after the first ask of a read. About one in twenty comes too early: then the next ones come later, and
 * earlier again with every replica that had the position.
 */
export function nextForecastMs(forecastMs: number, askedAfterMs: number, had: boolean): number {
  if (!had) return Math.max(forecastMs, askedAfterMs) * 1.5;
  return Math.max(FIRST_ASK_MS, Math.min(forecastMs, askedAfterMs) * 0.98);
}

/**
 * How often a replica is asked for reads that do not wait, since none has what an earlier read has missed so long ago. One
 * that replays with delay has it no sooner than it had the last.
 */
export function lookPeriodMs(missedForMs: number): number {
  return Math.max(2 * ASK_PERIOD_MS, missedForMs / 4);
}

/** How often one node may be asked, see `ProbeLoop`. */
export const ASK_PERIOD_MS = 20;
/** A replica on the same network has most commits by then. */
export const FIRST_ASK_MS = 2;
/** Of the time of a read, so that some answers come before its end. */
const LATEST_SHARE = 0.75;
/** A replica on the same network has answered by then; if that was not enough, another one is asked. */
const ANSWER_MS = 3;
