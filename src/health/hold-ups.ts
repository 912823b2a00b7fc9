import type { Clock, Delay } from '../clock.js';

/**
 * Notices that this process did not run: held up by long computations or by others on its machine, frozen with its container.
 * A timer that fires late tells of it, and one that should have fired by now.
 */
export class HoldUps {
  #dueAtMs = Infinity;
  #stoodStillAtMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** A delay of the clock's, of which one is under way at a time. */
  delay(ms: number): Delay {
    this.#look();
    this.#dueAtMs = this.clock.now() + ms;
    return this.clock.delay(ms);
  }

  /** Ends the delay under way, and says whether it is over for longer than the machine's pace explains. */
  end(delay: Delay): boolean {
    delay.cancel();
    const lateMs = this.#look();
    this.#dueAtMs = Infinity;
    return lateMs > LATE_MS;
  }

  /** Whether the process has stood still until just now: what fails at such a time says little of a server. */
  stoodStillWithin(ms: number): boolean {
    this.#look();
    return this.clock.now() - this.#stoodStillAtMs <= ms;
  }

  #look(): number {
    const nowMs = this.clock.now();
    const lateMs = nowMs - this.#dueAtMs;
    if (lateMs > STOOD_STILL_MS) this.#stoodStillAtMs = nowMs;
    return lateMs;
  }
}

/** When a timer fires later than this, an answer may be lying there unread. */
const LATE_MS = 20;
/** Late by as much as this, the time-outs of connections may be over for that reason alone. */
const STOOD_STILL_MS = 200;
