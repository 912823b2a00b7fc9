import type { Socket } from 'node:net';
import type { Connections } from '../../connector.js';
import { limitTime } from './limit-time.js';

/**
 * The sockets of one pool, those still connecting included. A server that no longer answers would keep its
 * connections, and all that waits on them, and neither the drivers nor TypeORM show them: so the engine adds each.
 */
export class Sockets implements Connections {
  private readonly open = new Set<Socket>();
  private readonly heard = new Map<Socket, { readonly bytesRead: number; readonly atMs: number }>();
  private isShut = false;

  /** `answerWithinMs`: a server that has sent nothing by then is given up. */
  constructor(private readonly answerWithinMs: number | undefined = undefined) {}

  /** Number of open sockets. */
  get size(): number {
    return this.open.size;
  }

  /** What has been heard on them. */
  get bytesRead(): number {
    let sum = 0;
    for (const { bytesRead } of this.open) sum += bytesRead;
    return sum;
  }

  /** Ends all connections at once, without a word to the server. New ones may be made. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  /** Ends all connections, and every new one at once, until `reopen` is called. */
  shut(): void {
    this.isShut = true;
    this.cut();
  }

  reopen(): void {
    this.isShut = false;
  }

  noteHeard(nowMs: number): void {
    for (const socket of this.open) {
      const { bytesRead } = socket;
      // Who has been silent since an earlier time is so still.
      if (this.heard.get(socket)?.bytesRead !== bytesRead) this.heard.set(socket, { bytesRead, atMs: nowMs });
    }
  }

  cutUnheard(sinceMs: number): void {
    for (const [socket, { bytesRead, atMs }] of this.heard) {
      if (socket.bytesRead !== bytesRead) this.heard.delete(socket);
      else if (atMs <= sinceMs) socket.destroy();
    }
  }

  add(socket: Socket): Socket {
    this.open.add(socket);
    const endLimit = this.limitSilence(socket);
    socket.once('close', () => {
      endLimit?.();
      this.open.delete(socket);
      this.heard.delete(socket);
    });
    // Later, since its driver may not have told the socket yet where to go.
    if (this.isShut) process.nextTick(() => socket.destroy(new ShutError()));
    return socket;
  }

  /**
   * Waits for `close`, which waits for queries and for the server's last word. After `timeoutMs` the sockets are cut, so
   * that what hangs fails; a connection that is kept even then is not waited for.
   */
  async closeWithin(close: () => Promise<void>, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const isOver = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.shut();
        timer = setTimeout(resolve, LAST_WORDS_MS);
      }, timeoutMs);
    });
    try {
      await Promise.race([close(), isOver]);
    } finally {
      clearTimeout(timer);
    }
  }

  private limitSilence(socket: Socket): (() => void) | undefined {
    const { answerWithinMs } = this;
    if (answerWithinMs === undefined) return undefined;
    return limitTime(
      answerWithinMs,
      () => socket.bytesRead === 0 && socket.destroy(new SilentError(answerWithinMs)),
    );
  }
}

/** For queries to hear that their connection is lost, and for their callers to let go. */
const LAST_WORDS_MS = 200;

class ShutError extends Error {
  readonly code = 'ECONNREFUSED';
  constructor() {
    super('The server does not answer its monitor, so no connection to it was tried.');
  }
}

class SilentError extends Error {
  readonly code = 'ETIMEDOUT';
  constructor(answerWithinMs: number) {
    super(`The server has accepted a connection and sent nothing within ${answerWithinMs} ms.`);
  }
}
