import { Pool } from 'undici';
import { median, quantile } from '../measure/statistics.js';
import { Browser } from './browser.js';

/** So many requests, one after the other on each of some connections. */
export interface BlastJob {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly requests: number;
  readonly connections: number;
  /** Of an application: sent as it is with all requests. */
  readonly cookie?: string;
  /** A path that is posted to first, so that all requests carry the cookie of a client that has written. */
  readonly writeFirst?: string;
}

/** What the load saw. */
export interface BlastReport {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
}

interface Writer {
  readonly browser: Browser;
  readonly wroteAtMs: number;
}

/** Keeps its connections, and the cookies of those who have written, from one job to the next. */
export class Blaster {
  private readonly pools = new Map<number, Pool>();
  private readonly writers = new Map<number, Writer>();

  async blast({ port, writeFirst, ...job }: BlastJob): Promise<BlastReport> {
    const pool = this.poolFor(port, job.connections);
    const cookie = writeFirst ? await this.cookieOfWriter(port, pool, writeFirst) : job.cookie;
    const headers = cookie ? { cookie } : {};
    const tookMs: number[] = [];
    let failed = 0;
    let left = job.requests;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const sentAtMs = performance.now();
        const { statusCode, body } = await pool.request({ method: job.method, path: job.path, headers });
        await body.dump();
        tookMs.push(performance.now() - sentAtMs);
        if (statusCode >= 400) failed += 1;
      }
    };
    const startedAtMs = performance.now();
    await Promise.all(Array.from({ length: job.connections }, worker));
    const seconds = (performance.now() - startedAtMs) / 1000;
    return {
      requestsPerSecond: job.requests / seconds,
      p50Ms: median(tookMs),
      p99Ms: quantile(tookMs, 0.99),
      failed,
    };
  }

  private poolFor(port: number, connections: number): Pool {
    const known = this.pools.get(port);
    if (known) return known;
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections, keepAliveTimeout: 60_000 });
    this.pools.set(port, pool);
    return pool;
  }

  /** Of a write that is seen on all replicas, so that its token is satisfied from what is known. */
  private async cookieOfWriter(port: number, pool: Pool, path: string): Promise<string | undefined> {
    let writer = this.writers.get(port);
    if (!writer || performance.now() - writer.wroteAtMs > TOKEN_LASTS_MS) {
      writer = { browser: new Browser(pool), wroteAtMs: performance.now() };
      await writer.browser.request('POST', path);
      await new Promise((resolve) => setTimeout(resolve, SEEN_BY_MONITOR_MS));
      this.writers.set(port, writer);
    }
    return writer.browser.cookieHeader;
  }
}

const SEEN_BY_MONITOR_MS = 1_300;
/** Half of `consistency.maxAgeMs`. */
const TOKEN_LASTS_MS = 60_000;
