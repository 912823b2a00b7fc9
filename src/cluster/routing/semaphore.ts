import type { Clock } from '../../clock.js';

/** Gives a permit back; calling it again does nothing. */
export type ReleasePermit = () => void;

/** How many permits there are, and how long one waits for one. */
export interface SemaphoreLimits {
  readonly max: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

/** Lets a number of callers do something at a time; more of them wait in a queue, for a while. */
export class Semaphore {
  private taken = 0;
  private readonly waiting: ((release: ReleasePermit) => void)[] = [];

  constructor(private readonly limits: SemaphoreLimits) {}

  /** How many permits are taken. */
  get active(): number {
    return this.taken;
  }

  /** Whether one is free. */
  get hasRoom(): boolean {
    return this.taken < this.limits.max;
  }

  /** How many callers wait for one. */
  get pending(): number {
    return this.waiting.length;
  }

  /** A permit now, or when one is free; `undefined`: none in time. */
  take(): ReleasePermit | Promise<ReleasePermit | undefined> {
    if (!this.hasRoom) return this.wait();
    this.taken += 1;
    return this.makeRelease();
  }

  private async wait(): Promise<ReleasePermit | undefined> {
    const { clock, maxWaitMs } = this.limits;
    const limit = clock.delay(maxWaitMs);
    let claim: ((release: ReleasePermit) => void) | undefined;
    const permit = new Promise<ReleasePermit>((resolve) => {
      claim = resolve;
      this.waiting.push(resolve);
    });
    const release = await Promise.race([permit, limit.done]);
    limit.cancel();
    if (release) return release;
    const place = this.waiting.indexOf(claim as (release: ReleasePermit) => void);
    // It may have been given away in the very moment in which time was over.
    if (place < 0) return permit;
    this.waiting.splice(place, 1);
    return undefined;
  }

  /** The next in the queue takes over. */
  private makeRelease(): ReleasePermit {
    let hasReleased = false;
    return () => {
      if (hasReleased) return;
      hasReleased = true;
      const next = this.waiting.shift();
      if (next) next(this.makeRelease());
      else this.taken -= 1;
    };
  }
}
