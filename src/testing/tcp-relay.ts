import type { Socket } from 'node:net';

interface Piece {
  /** Undefined stands for the end of the stream. */
  bytes: Buffer | undefined;
  dueAt: number;
}

const HIGH_WATER_BYTES = 1024 * 1024;

/** One direction of a connection: passes bytes on, in order, as late as it is told, or not at all. */
export class TcpRelay {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: () => number;
  #queue: Piece[] = [];
  #queuedBytes = 0;
  #isHeld = false;
  #isDiscarding = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on('data', (bytes) => this.#accept(bytes));
    from.on('end', () => this.#accept(undefined));
    to.on('drain', () => this.#pump());
  }

  /** Keeps everything back, the sender's unread bytes included, until `release`. */
  hold(): void {
    this.#isHeld = true;
    this.#from.pause();
  }

  release(): void {
    this.#isHeld = false;
    this.#pump();
  }

  /** Reads and drops everything from now on, the end of the stream included. */
  discard(): void {
    this.#isDiscarding = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#from.resume();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #accept(bytes: Buffer | undefined): void {
    if (this.#isDiscarding) return;
    this.#queue.push({ bytes, dueAt: performance.now() + this.#delayMs() });
    this.#queuedBytes += bytes?.length ?? 0;
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#isHeld && !this.#to.writableNeedDrain) {
      const next = this.#queue[0];
      if (next === undefined) break;
      const waitMs = next.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(waitMs)).unref();
        break;
      }
      this.#queue.shift();
      this.#pass(next.bytes);
    }
    if (this.#isHeld || this.#queuedBytes > HIGH_WATER_BYTES) this.#from.pause();
    else this.#from.resume();
  }

  #pass(bytes: Buffer | undefined): void {
    if (bytes === undefined) {
      this.#to.end();
      return;
    }
    this.#queuedBytes -= bytes.length;
    this.#to.write(bytes);
  }
}
