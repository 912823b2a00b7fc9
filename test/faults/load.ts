import { setTimeout as pause } from 'node:timers/promises';

/** A request that failed: what its caller was told, and when. */
export interface Failure {
  readonly atMs: number;
  readonly tookMs: number;
  readonly error: Error & { readonly code?: unknown };
}

/** What the callers of a load saw. */
export interface LoadReport {
  readonly requests: number;
  readonly failures: readonly Failure[];
  readonly longestStallMs: number;
}

/** What callers were told, and how often. */
export function messagesOf(failures: readonly Failure[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { error } of failures) {
    const text = `${error.name}: ${error.message}`;
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

/** Several callers, each sending one request after the other until told to stop. */
export class Load {
  requests = 0;
  longestStallMs = 0;
  readonly failures: Failure[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private readonly callers: Promise<void>[];
  private isOver = false;

  constructor(
    private readonly request: () => Promise<unknown>,
    { callers = 8, pauseMs = 5 }: { callers?: number; pauseMs?: number } = {},
  ) {
    this.callers = Array.from({ length: callers }, () => this.call(pauseMs));
  }

  /** Resolves when every request has been answered. */
  async stop(): Promise<LoadReport> {
    this.isOver = true;
    await Promise.all(this.callers);
    return this;
  }

  /** Resolves when `count` requests more have been answered. */
  async moreRequests(count: number): Promise<void> {
    const wanted = this.requests + count;
    while (this.requests < wanted && !this.isOver) await pause(2);
  }

  /** Resolves when what was under way at the call has been answered. */
  async answersToThoseUnderWay(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private async call(pauseMs: number): Promise<void> {
    while (!this.isOver) {
      const answer = this.sendOne();
      this.underWay.add(answer);
      await answer;
      this.underWay.delete(answer);
      await pause(pauseMs);
    }
  }

  private async sendOne(): Promise<void> {
    const startedAtMs = performance.now();
    try {
      await this.request();
    } catch (error) {
      const tookMs = performance.now() - startedAtMs;
      this.failures.push({ atMs: performance.now(), tookMs, error: error as Error });
    }
    this.requests += 1;
    this.longestStallMs = Math.max(this.longestStallMs, performance.now() - startedAtMs);
  }
}
