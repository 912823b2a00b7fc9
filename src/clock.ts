/** A wait that can be given up. */
export interface Delay {
  /** Resolves when the time is over or the wait was cancelled. */
  readonly done: Promise<void>;
  cancel(): void;
}

/** Time, so that tests can make their own. */
export interface Clock {
  /** In ms since 1970, since tokens of other instances are compared with it. */
  now(): number;
  /** Does not keep the process alive. */
  delay(ms: number): Delay;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: Date.now,
  delay(ms) {
    let cancel = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      cancel = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return { done, cancel };
  },
};
