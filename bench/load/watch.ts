import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { Browser } from './browser.js';

/** Requests at a fixed rate, each noted, while something breaks. */
export interface WatchJob {
  readonly port: number;
  readonly perSecond: number;
  readonly writeShare: number;
  readonly firstVersion: number;
  /** Rows of its own, from this one on: somebody else's version would look like a stale one. */
  readonly firstRow: number;
  /** A client gives up after that. */
  readonly timeoutMs: number;
}

/** One request, in ms since the epoch. */
export interface Seen {
  readonly isWrite: boolean;
  readonly sentAtMs: number;
  readonly tookMs: number;
  readonly hasFailed: boolean;
  /** The port of the server that answered a read. */
  readonly port: number | undefined;
  /** An older version than this client had written. */
  readonly isStale: boolean;
}

/** Goes on until stopped. */
export class Watch {
  private readonly seen: Promise<Seen>[] = [];
  private readonly pool: Pool;
  private readonly sending: Promise<void>;
  private isOver = false;
  private version: number;

  constructor(private readonly job: WatchJob) {
    // Enough connections that requests which hang do not hold up the others.
    this.pool = new Pool(`http://127.0.0.1:${job.port}`, { connections: 1024 });
    this.version = job.firstVersion;
    this.sending = this.send();
  }

  async stop(): Promise<readonly Seen[]> {
    this.isOver = true;
    await this.sending;
    const all = await Promise.all(this.seen);
    await this.pool.destroy();
    return all;
  }

  private async send(): Promise<void> {
    const startedAtMs = performance.now();
    for (let begun = 0; !this.isOver; begun++) {
      const earlyMs = startedAtMs + (begun * 1000) / this.job.perSecond - performance.now();
      if (earlyMs > 1) await pause(earlyMs);
      const id = this.job.firstRow + (begun % ROWS_PER_WATCH);
      if (Math.random() < this.job.writeShare) this.seen.push(...this.writeAndRead(id));
      else this.seen.push(this.request(new Browser(this.pool, this.job.timeoutMs), { id }));
    }
  }

  /** A new client posts, and then follows the redirect. */
  private writeAndRead(id: number): readonly Promise<Seen>[] {
    const browser = new Browser(this.pool, this.job.timeoutMs);
    const version = ++this.version;
    const write = this.request(browser, { id, version });
    const read = write.then(({ hasFailed }) =>
      this.request(browser, { id, expected: hasFailed ? 0 : version }),
    );
    return [write, read];
  }

  private async request(
    browser: Browser,
    { id, version, expected = 0 }: { id: number; version?: number; expected?: number },
  ): Promise<Seen> {
    const isWrite = version !== undefined;
    const sentAtMs = Date.now();
    const startedAtMs = performance.now();
    try {
      const { status, body } = isWrite
        ? await browser.request('POST', `/versions/${id}/${version}`)
        : await browser.request('GET', `/versions/${id}`);
      const tookMs = performance.now() - startedAtMs;
      const hasFailed = status >= 400;
      const read = isWrite || hasFailed ? undefined : (JSON.parse(body) as { version: number; port: number });
      const isStale = read !== undefined && read.version < expected;
      return { isWrite, sentAtMs, tookMs, hasFailed, port: read?.port, isStale };
    } catch {
      const tookMs = performance.now() - startedAtMs;
      return { isWrite, sentAtMs, tookMs, hasFailed: true, port: undefined, isStale: false };
    }
  }
}

/** So many that a row is not written again while somebody still reads it. */
export const ROWS_PER_WATCH = 1_000;
