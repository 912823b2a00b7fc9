/** A question to come, for those who share it. */
interface Next<Row> {
  readonly send: () => Promise<Row>;
  readonly answer: Promise<Row>;
  readonly settle: (answer: Promise<Row>) => void;
  readonly limit: NodeJS.Timeout;
  /** Its limit has passed. */
  isDue: boolean;
}

/**
 * One question for several commits of one server: a position that is asked for after a commit was answered lies behind it,
 * whichever connection asks. One per pool and server; at most one question is under way, and the next one is sent once as
 * many writes wait for it as are not answered yet.
 *
 * A question of one's own goes out with the write and costs the server a statement; this one costs the write the time of
 * one to two questions. So it is for writes that wait for one another, and not for ones that wait for the network.
 */
export class SharedQuestion<Row> {
  /** Writes that are not answered yet, ones whose position is being asked for, and ones that wait for the next question. */
  private atWork = 0;
  private asking = 0;
  private waiting = 0;
  private usualMs = 0;
  private shortestMs = Infinity;
  private next: Next<Row> | undefined;

  /** Whether a statement less helps more than a round trip less. */
  get isWorthwhile(): boolean {
    const isQueued = this.usualMs > Math.max(QUEUED * this.shortestMs, this.shortestMs + QUEUED_MS);
    return isQueued && this.atWork + this.asking + this.waiting >= SEVERAL;
  }

  /** Notes that a write is sent, until the function that it returns is called: with `true` by one that will ask. */
  begin(): (asks?: boolean) => void {
    const sentAtMs = performance.now();
    this.atWork += 1;
    let isAtWork = true;
    return (asks = false) => {
      if (!isAtWork) return;
      isAtWork = false;
      const tookMs = performance.now() - sentAtMs;
      this.atWork -= 1;
      this.usualMs += (tookMs - this.usualMs) / SMOOTHED_OVER;
      this.noteRoundTrip(tookMs);
      if (!asks) this.sendIfDue();
    };
  }

  /** Of any short statement. */
  noteRoundTrip(tookMs: number): void {
    this.shortestMs = Math.min(this.shortestMs, tookMs);
  }

  /** Asks, or has another one ask for all. Rejects when that has failed or takes long: then one asks by oneself. */
  ask(send: () => Promise<Row>): Promise<Row> {
    this.waiting += 1;
    this.next ??= this.makeNext(send);
    const { answer } = this.next;
    this.sendIfDue();
    return answer;
  }

  private makeNext(send: () => Promise<Row>): Next<Row> {
    let settle: Next<Row>['settle'] = () => undefined;
    const answer = new Promise<Row>((resolve) => (settle = resolve));
    // Those not answered yet may wait for a lock.
    const limit = setTimeout(() => this.noteDue(), Math.min(this.usualMs, GATHERING_MS));
    return { send, answer, settle, limit, isDue: false };
  }

  private noteDue(): void {
    if (this.next) this.next.isDue = true;
    this.sendIfDue();
  }

  private sendIfDue(): void {
    if (this.next?.isDue || this.waiting >= this.atWork) this.sendNext();
  }

  private sendNext(): void {
    const { next } = this;
    if (!next || this.asking > 0) return;
    clearTimeout(next.limit);
    this.next = undefined;
    this.asking = this.waiting;
    this.waiting = 0;
    const answer = inTime(next.send());
    const over = (): void => {
      this.asking = 0;
      this.sendIfDue();
    };
    answer.then(over, over);
    next.settle(answer);
  }
}

function inTime<Row>(answer: Promise<Row>): Promise<Row> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(LATE)), ANSWER_MS).unref();
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** Fewer would mostly ask for themselves. */
const SEVERAL = 4;
const QUEUED = 2;
/** Less may be this process. */
const QUEUED_MS = 5;
const SMOOTHED_OVER = 16;
const GATHERING_MS = 50;
const ANSWER_MS = 1_000;
const LATE = `No position within ${ANSWER_MS} ms.`;
