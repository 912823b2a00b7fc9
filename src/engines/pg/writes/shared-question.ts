/**
 * One question for several commits of one server: a position that is asked for after a commit was answered lies behind it,
 * whichever connection asks. One per pool and server; at most one question is under way.
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
  private underWay: Promise<void> | undefined;
  private next: Promise<Row> | undefined;

  /** Whether a statement less helps more than a round trip less. */
  get isWorthwhile(): boolean {
    return this.atWork + this.asking + this.waiting >= SEVERAL && this.usualMs > QUEUED * this.shortestMs;
  }

  /** Notes that a write is sent, until the function that it returns is called. */
  begin(): () => void {
    const sentAtMs = performance.now();
    this.atWork += 1;
    let isAtWork = true;
    return () => {
      if (!isAtWork) return;
      isAtWork = false;
      const tookMs = performance.now() - sentAtMs;
      this.atWork -= 1;
      this.usualMs += (tookMs - this.usualMs) / SMOOTHED_OVER;
      this.shortestMs = Math.min(this.shortestMs, tookMs);
    };
  }

  /** Asks, or has the next who asks ask for all. Rejects when that has failed or takes long: then one asks by oneself. */
  ask(send: () => Promise<Row>): Promise<Row> {
    this.waiting += 1;
    if (!this.underWay) return this.send(send);
    return (this.next ??= this.underWay.then(() => {
      this.next = undefined;
      return this.send(send);
    }));
  }

  private send(send: () => Promise<Row>): Promise<Row> {
    this.asking = this.waiting;
    this.waiting = 0;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(LATE)), ANSWER_MS).unref();
    });
    const answer = Promise.race([send(), late]);
    const over = (): void => {
      clearTimeout(timer);
      this.asking = 0;
      this.underWay = undefined;
    };
    this.underWay = answer.then(over, over);
    return answer;
  }
}

/** Fewer would mostly ask for themselves. */
const SEVERAL = 4;
const QUEUED = 2;
const SMOOTHED_OVER = 16;
const ANSWER_MS = 1_000;
const LATE = `No position within ${ANSWER_MS} ms.`;
