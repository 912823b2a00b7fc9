import type { Position, Positions } from '../position.js';

/** How far a replica is behind its primary. */
export interface Lag {
  readonly ms: number;
  /** `undefined`: the database does not count in bytes. */
  readonly bytes: number | undefined;
}

/** A position of the primary, from when to when it is known to have been there. */
interface Sample {
  readonly position: Position;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** When it was last asked and said that it was there, and no further; `undefined`: it was not asked itself. */
  readonly saidAtMs?: number | undefined;
}

/** How much to remember. */
export interface LagHistorySettings {
  readonly positions: Positions;
  /** Lag up to here is told apart; beyond, it is "at least that much". */
  readonly keepMs: number;
  /** Samples closer together than this are made one. */
  readonly spacingMs: number;
  /** A primary not seen for longer is taken for down, and its replicas' lag stops growing. */
  readonly graceMs: number;
}

/**
 * Where the primary was, and when. A replica's lag is the time that has passed since the primary was where the
 * replica is now. A replica alone cannot know: its own clock says "late" while the primary is idle, and "up to date"
 * while it is cut off.
 *
 * Between two samples the answer is an estimate, off by less than the time between them. While the primary is down
 * nothing new is known: a replica that has all of its last known position has no lag, and one that has not keeps the
 * lag it had when the primary was last seen, until it has replayed the rest.
 */
export class LagHistory {
  readonly #settings: LagHistorySettings;
  readonly #samples: Sample[] = [];
  #recordedAtMs = -Infinity;

  constructor(settings: LagHistorySettings) {
    this.#settings = settings;
  }

  /** Samples kept. */
  get size(): number {
    return this.#samples.length;
  }

  /** The primary itself said where it is; `askedAtMs`: when it was asked. */
  record(position: Position, nowMs: number, askedAtMs = nowMs): void {
    this.#recordedAtMs = nowMs;
    // After a failover or a crash it may have less than before. Then the last sample is below the one before, and still
    // the reference: what the primary does not have, nobody misses.
    const last = this.#samples.at(-1);
    if (last && this.#areEqual(last.position, position))
      this.#replaceLast({ ...last, untilMs: nowMs, saidAtMs: askedAtMs });
    else this.#append({ position, sinceMs: nowMs, untilMs: nowMs, saidAtMs: askedAtMs });
  }

  /** A replica has received this much. So the primary had it as well, which counts while nobody can ask it. */
  witness(position: Position, nowMs: number): void {
    const last = this.#samples.at(-1);
    const isDown = nowMs - this.#recordedAtMs > this.#settings.graceMs;
    if (isDown && last && this.#isBeyond(position, last.position))
      this.#append({ position, sinceMs: nowMs, untilMs: nowMs });
  }

  /** `undefined`: the primary's position was never known. */
  lagOf(position: Position, nowMs: number): Lag | undefined {
    const last = this.#samples.at(-1);
    if (!last) return undefined;
    const { positions, graceMs } = this.#settings;
    if (positions.covers(position, last.position)) return noLag(positions);
    const referenceMs = Math.min(nowMs, last.untilMs + graceMs);
    return {
      ms: Math.max(0, referenceMs - this.#timeOf(position)),
      bytes: positions.measure === 'bytes' ? positions.behind(last.position, position) : undefined,
    };
  }

  /** When the primary itself last said that it was at a position which this one covers: no estimate, unlike lag. */
  completeAtMs(position: Position): number | undefined {
    const { covers } = this.#settings.positions;
    const isCovered = (one: Sample) => one.saidAtMs !== undefined && covers(position, one.position);
    return this.#samples.findLast(isCovered)?.saidAtMs;
  }

  /** When the primary was at this position, which is below its last known one. */
  #timeOf(position: Position): number {
    const { positions } = this.#settings;
    const after = this.#samples.findLastIndex((sample) => positions.covers(position, sample.position)) + 1;
    const next = this.#samples[after];
    const before = this.#samples[after - 1];
    if (!next) return Infinity; // not below
    if (!before) return next.sinceMs; // older than anything known: that long ago at least
    const share =
      positions.behind(position, before.position) / positions.behind(next.position, before.position);
    return before.untilMs + share * (next.sinceMs - before.untilMs);
  }

  /** Whether `a` has all that `b` has, and more. */
  #isBeyond(a: Position, b: Position): boolean {
    const { positions } = this.#settings;
    return positions.covers(a, b) && !positions.covers(b, a);
  }

  #areEqual(a: Position, b: Position): boolean {
    const { positions } = this.#settings;
    return positions.covers(a, b) && positions.covers(b, a);
  }

  #append(sample: Sample): void {
    const [last, before] = [this.#samples.at(-1), this.#samples.at(-2)];
    const isClose = last && before && last.untilMs - before.untilMs < this.#settings.spacingMs;
    if (isClose) this.#samples.pop();
    this.#samples.push(sample);
    this.#forgetBefore(sample.untilMs - this.#settings.keepMs);
  }

  #replaceLast(sample: Sample): void {
    this.#samples[this.#samples.length - 1] = sample;
  }

  /** Keeps one sample from before, as the start of the time that is kept. */
  #forgetBefore(timeMs: number): void {
    while (this.#samples.length > 1 && (this.#samples[1]?.untilMs ?? Infinity) <= timeMs)
      this.#samples.shift();
  }
}

/** That of a primary, and of a replica that has all of it. */
export function noLag({ measure }: Positions): Lag {
  return measure === 'bytes' ? NO_BYTES : NO_TIME;
}

const NO_BYTES: Lag = { ms: 0, bytes: 0 };
const NO_TIME: Lag = { ms: 0, bytes: undefined };
