import type { Clock } from '../../src/clock.js';

interface Waiting {
  readonly dueAtMs: number;
  readonly end: () => void;
}

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #waiting = new Set<Waiting>();

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  /** Delays that neither are over nor were cancelled. */
  get pending(): number {
    return this.#waiting.size;
  }

  now(): number {
    return this.#nowMs;
  }

  delay(ms: number): { done: Promise<void>; cancel: () => void } {
    let end = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      const waiting = { dueAtMs: this.#nowMs + ms, end: () => end() };
      end = () => {
        this.#waiting.delete(waiting);
        resolve();
      };
      this.#waiting.add(waiting);
    });
    return { done, cancel: end };
  }

  /** Sets the clock, which timers do not notice. */
  set(nowMs: number): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const one of waiting)
      this.#waiting.add(Object.assign(one, { dueAtMs: one.dueAtMs + nowMs - this.#nowMs }));
    this.#nowMs = nowMs;
  }

  /** Moves the time on, delay by delay, and lets everything happen that follows from each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#nextUntil(untilMs); next; next = this.#nextUntil(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueAtMs);
      next.end();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  #nextUntil(untilMs: number): Waiting | undefined {
    const due = [...this.#waiting].filter(({ dueAtMs }) => dueAtMs <= untilMs);
    return due.sort((a, b) => a.dueAtMs - b.dueAtMs)[0];
  }
}

/** Lets promises that are settled call what waits for them. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
