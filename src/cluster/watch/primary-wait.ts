import type { Clock } from '../../clock.js';
import { PrimaryUnavailableError } from '../../errors.js';
import type { Topology } from '../nodes/topology.js';

/** What a wait is made of. */
export interface PrimaryWaitDeps {
  readonly topology: Topology;
  readonly clock: Clock;
  /** How long work may wait; 0: not at all. */
  readonly primaryWaitMs: number;
}

/** Work of which nothing has been sent yet. */
export interface WaitingWork {
  /** Since it found no primary for the first time. */
  waitsUntilMs?: number | undefined;
}

/** Lets new work wait while there is no primary: in a planned switch-over, another one comes within seconds. */
export class PrimaryWait {
  private readonly waiting = new Set<(isBack: boolean) => void>();
  private isOpen = false;
  private isLooking = false;

  constructor(private readonly deps: PrimaryWaitDeps) {}

  /** From now on work may wait. */
  open(): void {
    this.isOpen = true;
  }

  /** The application closes: all that waits is refused now. */
  close(): void {
    this.isOpen = false;
    this.tell(false);
  }

  /** Whether work that is refused for this reason may wait. */
  mayHelp(error: unknown): boolean {
    return this.isOpen && this.deps.primaryWaitMs > 0 && error instanceof PrimaryUnavailableError;
  }

  /** Whether the primary, or one promoted in its place, has answered from now on, and before the work's time is over. */
  async until(work: WaitingWork): Promise<boolean> {
    const { clock, primaryWaitMs } = this.deps;
    const nowMs = clock.now();
    work.waitsUntilMs ??= nowMs + primaryWaitMs;
    const limit = clock.delay(Math.max(0, work.waitsUntilMs - nowMs));
    let end: (isBack: boolean) => void = () => undefined;
    const told = new Promise<boolean>((resolve) => (end = resolve));
    this.waiting.add(end);
    if (!this.isLooking) void this.look();
    try {
      return this.isOpen && (await Promise.race([told, limit.done.then(() => false)]));
    } finally {
      this.waiting.delete(end);
      limit.cancel();
    }
  }

  /** A primary has just answered its monitor. */
  primaryAnswered(): void {
    this.tell(true);
  }

  private tell(isBack: boolean): void {
    for (const end of this.waiting) end(isBack);
  }

  /** Monitors look every interval, and what waits here has little more time than that. */
  private async look(): Promise<void> {
    const { topology, clock } = this.deps;
    this.isLooking = true;
    while (this.waiting.size > 0 && this.isOpen) {
      for (const { observer } of topology.nodes) void observer.ask();
      await clock.delay(LOOK_EVERY_MS).done;
    }
    this.isLooking = false;
  }
}

const LOOK_EVERY_MS = 100;
