import type { Clock } from '../../clock.js';

/** Ends a turn; calling it again does nothing. */
export type EndTurn = () => void;

/** How many may have a turn, and how long one waits for it. */
export interface TurnLimits {
  readonly max: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** Lets a number of callers do something at a time; more of them wait in a queue, for a while. */
export class Turns {
  private taken = 0;
  private readonly waiting: ((end: EndTurn) => void)[] = [];

  constructor(private readonly limits: TurnLimits) {}

  /** A turn now, or when one is free; `undefined`: none in time. */
  take(): EndTurn | Promise<EndTurn | undefined> {
    if (this.taken >= this.limits.max) return this.wait();
    this.taken += 1;
    return this.makeEnd();
  }

  private async wait(): Promise<EndTurn | undefined> {
    const { clock, maxWaitMs } = this.limits;
    const limit = clock.delay(maxWaitMs);
    let claim: ((end: EndTurn) => void) | undefined;
    const turn = new Promise<EndTurn>((resolve) => {
      claim = resolve;
      this.waiting.push(resolve);
    });
    const end = await Promise.race([turn, limit.done]);
    limit.cancel();
    if (end) return end;
    const place = this.waiting.indexOf(claim as (end: EndTurn) => void);
    // It may have been given away in the very moment in which time was over.
    if (place < 0) return turn;
    this.waiting.splice(place, 1);
    return undefined;
  }

  /** The next in the queue takes over. */
  private makeEnd(): EndTurn {
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      const next = this.waiting.shift();
      if (next) next(this.makeEnd());
      else this.taken -= 1;
    };
  }
}
