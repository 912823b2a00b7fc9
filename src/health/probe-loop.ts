import type { Clock, Delay } from '../clock.js';
import { messageOf } from '../message-of.js';
import type { ProbeAnswer, Prober } from '../connector.js';
import { HoldUps } from './hold-ups.js';
import type { Engine, FailureKind } from '../engine.js';

/** Why a probe got no answer. */
export interface ProbeFailure {
  readonly kind: FailureKind;
  readonly message: string;
}

/** What a probe loop is made of. */
export interface ProbeLoopDeps {
  readonly prober: Prober;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly classify: Engine['classify'];
  /** A node of which nothing is heard for so long gives no answer. */
  readonly timeoutMs: number;
  /** One that is heard of has this long to answer: far away, it takes many round trips to connect. */
  readonly connectTimeoutMs: number;
  /** From the end of a probe to the next one, before the jitter; `Infinity`: none is made, and no connection kept, until somebody asks. */
  readonly delayMs: () => number;
  /**
   * Called before those who asked go on; `asked`: its number in the sequence of what happens. Must not throw, as `onFailure`.
   * Says whether the server is what its address should lead to.
   */
  readonly onAnswer: (answer: ProbeAnswer, asked: number, askedAtMs: number) => 'in-place' | 'misplaced';
  readonly onFailure: (failure: ProbeFailure) => void;
}

type Outcome = ProbeAnswer | undefined;

/** A probe to come or under way, for those who wait for it. */
interface AwaitedProbe {
  readonly outcome: Promise<Outcome>;
  readonly end: (outcome: Outcome) => void;
}

/** Probes one node again and again, one probe at a time, and earlier when asked to. */
export class ProbeLoop {
  readonly #setup: ProbeLoopDeps;
  readonly #holdUps: HoldUps;
  #current: AwaitedProbe | undefined;
  #next: AwaitedProbe = makeAwaited();
  #pause: Delay | undefined;
  #dueAtMs = Infinity;
  #endedAtMs = -Infinity;
  #isHinted = false;
  #wasLate = false;
  /** The next probe opens a connection. */
  #opensAnother = true;
  #stopped: Promise<void> | undefined;

  constructor(setup: ProbeLoopDeps) {
    this.#setup = setup;
    this.#holdUps = new HoldUps(setup.clock);
  }

  /** Resolves when the first probe has ended, one way or the other. */
  async start(): Promise<void> {
    await this.ask();
  }

  /** The answer of the probe under way, or of one made now; `undefined`: it failed. Everyone who waits shares it. */
  ask(): Promise<Outcome> {
    return this.#current?.outcome ?? this.#probeSoon();
  }

  /** Something has happened to the node: the answer of a probe sent after this call. */
  hint(): Promise<Outcome> {
    if (!this.#current) return this.#probeSoon();
    this.#isHinted = true;
    return this.#next.outcome;
  }

  /** Whether this process has stood still until just now, and may have lost what it waited for. */
  get stoodStill(): boolean {
    return this.#holdUps.stoodStillWithin(this.#setup.timeoutMs);
  }

  /** Resolves when the probe under way has ended and the connection is closed. No timer is left. */
  stop(): Promise<void> {
    this.#stopped ??= this.#shutDown();
    return this.#stopped;
  }

  async #shutDown(): Promise<void> {
    this.#pause?.cancel();
    this.#next.end(undefined);
    await this.#current?.outcome;
    await this.#setup.prober.close();
  }

  #probeSoon(): Promise<Outcome> {
    const { outcome } = this.#next;
    if (!this.#stopped) this.#probeAt(this.#earliestMs());
    return outcome;
  }

  #earliestMs(): number {
    const nowMs = this.#setup.clock.now();
    // A clock that was set back must not make a pause of it.
    return Math.max(nowMs, Math.min(this.#endedAtMs, nowMs) + MIN_PAUSE_MS);
  }

  /** Unless one is due earlier. */
  #probeAt(timeMs: number): void {
    if (timeMs >= this.#dueAtMs) return;
    this.#pause?.cancel();
    this.#dueAtMs = timeMs;
    const waitMs = timeMs - this.#setup.clock.now();
    if (waitMs > 0) this.#pauseFor(waitMs);
    else void this.#probeNow();
  }

  #restFor(delayMs: number): void {
    if (delayMs === Infinity) this.#setup.prober.reset();
    else this.#probeAt(this.#endedAtMs + this.#jittered(delayMs));
  }

  #pauseFor(waitMs: number): void {
    const pause = this.#holdUps.delay(waitMs);
    this.#pause = pause;
    // A pause that was cancelled is not the current one any more, or nothing is after a stop.
    void pause.done.then(() => (this.#pause === pause && !this.#stopped ? this.#probeNow() : undefined));
  }

  async #probeNow(): Promise<void> {
    const awaited = this.#next;
    this.#next = makeAwaited();
    this.#pause = undefined;
    this.#current = awaited;
    let outcome: Outcome;
    try {
      outcome = await this.#probeInPlace();
    } finally {
      this.#scheduleNext();
      awaited.end(outcome);
    }
  }

  #scheduleNext(): void {
    this.#current = undefined;
    this.#endedAtMs = this.#setup.clock.now();
    this.#dueAtMs = Infinity;
    if (this.#stopped) return;
    if (this.#isHinted) this.#probeAt(this.#earliestMs());
    else this.#restFor(this.#setup.delayMs());
    this.#isHinted = false;
  }

  #jittered(delayMs: number): number {
    return delayMs * (1 - JITTER + 2 * JITTER * this.#setup.random());
  }

  /** A name or a proxy in front of a server may lead elsewhere by now, which only a new connection can find out. */
  async #probeInPlace(): Promise<Outcome> {
    const isOnAnother = this.#opensAnother;
    const outcome = await this.#probe();
    const isMisplaced = outcome !== undefined && this.#opensAnother;
    return isMisplaced && !isOnAnother && !this.#stopped ? this.#probe() : outcome;
  }

  async #probe(): Promise<Outcome> {
    const { onAnswer, onFailure } = this.#setup;
    const asked = nextInSequence();
    const askedAtMs = this.#setup.clock.now();
    this.#opensAnother = false;
    const result = await this.#answerInTime();
    if ('kind' in result) {
      this.#reset(); // its connection is busy, dead or doubtful
      if (!this.#stopped) onFailure(result);
      return undefined;
    }
    if (!this.#stopped && onAnswer(result, asked, askedAtMs) === 'misplaced') this.#reset();
    return result;
  }

  #reset(): void {
    this.#opensAnother = true;
    this.#setup.prober.reset();
  }

  async #answerInTime(isRepeat = false): Promise<ProbeAnswer | ProbeFailure> {
    const { prober, classify, timeoutMs } = this.#setup;
    try {
      const answer = await this.#waitWhileHeard(prober.probe());
      return answer ?? { kind: 'timeout', message: `no answer within ${timeoutMs} ms` };
    } catch (error) {
      if (isRepeat || !this.stoodStill) return { kind: classify(error), message: messageOf(error) };
      prober.reset();
      return this.#answerInTime(true);
    }
  }

  async #waitWhileHeard(probing: Promise<ProbeAnswer>): Promise<ProbeAnswer | undefined> {
    const { prober, clock, timeoutMs, connectTimeoutMs } = this.#setup;
    const lastWaitAtMs = clock.now() + connectTimeoutMs - timeoutMs;
    let heldUp = 0;
    for (;;) {
      const before = prober.bytesHeard;
      const answer = await this.#wait(probing);
      if (answer) return answer;
      if (prober.bytesHeard > before && clock.now() <= lastWaitAtMs) continue;
      if (!this.#wasLate || heldUp++ > 0) return undefined;
    }
  }

  async #wait(probing: Promise<ProbeAnswer>): Promise<ProbeAnswer | undefined> {
    const limit = this.#holdUps.delay(this.#setup.timeoutMs);
    try {
      // The race also takes care of a rejection that comes after the time is over.
      return (await Promise.race([probing, limit.done])) ?? undefined;
    } finally {
      // When this process is late itself, an answer may be lying there, and the server is not to blame.
      this.#wasLate = this.#holdUps.end(limit);
    }
  }
}

/** Between the end of a probe and the start of the next, however many ask. */
const MIN_PAUSE_MS = 20;
/** Share of the delay by which probes of many processes are spread. */
const JITTER = 0.2;

function makeAwaited(): AwaitedProbe {
  let end: AwaitedProbe['end'] = () => undefined;
  const outcome = new Promise<Outcome>((resolve) => {
    end = resolve;
  });
  return { outcome, end };
}

let last = 0;

/** Numbers what happens in this process, in sequence: a clock stands still for a millisecond, and may be set back. */
export function nextInSequence(): number {
  last += 1;
  return last;
}
