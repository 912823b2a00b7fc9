import type { Clock, Delay } from '../../clock.js';
import { messageOf } from '../../message-of.js';
import type { RoutingControl as Ask } from '../../options/options.js';

/** What a control loop is made of. */
export interface ControlLoopDeps {
  readonly ask: Ask;
  /** Is given what was answered; throws if that is not understood. */
  readonly follow: (answer: unknown) => void;
  readonly onProblem: (problem: string) => void;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** From the end of a call to the next one, before the jitter. */
  readonly intervalMs: number;
  /** A call that takes longer has failed. If it answers all the same, that is followed. */
  readonly timeoutMs: number;
}

/** Asks `routing.control` again and again, never before the call under way has ended. */
export class ControlLoop {
  /** The one under way, or the last; `undefined`: not running. */
  private call: AbortController | undefined;
  private timer: Delay | undefined;
  private isTold = false;
  private toldAtMs = -Infinity;

  constructor(private readonly deps: ControlLoopDeps) {}

  /** Resolves with the first answer, or when its time is over. */
  async start(): Promise<void> {
    await this.askNow();
  }

  /** No timer is left, and what is still answered changes nothing. */
  stop(): void {
    const { call } = this;
    this.call = undefined;
    this.timer?.cancel();
    call?.abort();
  }

  private async askNow(): Promise<void> {
    const { clock, timeoutMs } = this.deps;
    const call = new AbortController();
    this.call = call;
    const limit = clock.delay(timeoutMs);
    this.timer = limit;
    let hasEnded = false;
    void this.answered(call).then(() => {
      hasEnded = true;
      limit.cancel();
      return this.askLater(call);
    });
    await limit.done;
    if (hasEnded || this.call !== call) return;
    this.fail(`no answer within ${timeoutMs} ms`);
    call.abort();
  }

  private async answered(call: AbortController): Promise<void> {
    const { ask, follow } = this.deps;
    try {
      const answer = await ask(call.signal);
      if (this.call !== call) return;
      follow(answer);
      this.isTold = false;
    } catch (error) {
      // That it was late has been told.
      if (this.call === call && !call.signal.aborted) this.fail(messageOf(error));
    }
  }

  private async askLater(call: AbortController): Promise<void> {
    if (this.call !== call) return;
    const { clock, random, intervalMs } = this.deps;
    this.timer = clock.delay(intervalMs * (1 - JITTER + 2 * JITTER * random()));
    await this.timer.done;
    if (this.call === call) await this.askNow();
  }

  /** Once until it answers again, and not more often than once a minute. */
  private fail(problem: string): void {
    const nowMs = this.deps.clock.now();
    if (this.isTold || nowMs - this.toldAtMs < QUIET_MS) return;
    this.isTold = true;
    this.toldAtMs = nowMs;
    this.deps.onProblem(problem);
  }
}

/** Share of the interval by which the calls of many processes are spread. */
const JITTER = 0.2;
const QUIET_MS = 60_000;
