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

export async function blast({ port, writeFirst, ...job }: BlastJob): Promise<BlastReport> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: job.connections });
  const browser = new Browser(pool);
  if (writeFirst !== undefined) {
    await browser.request('POST', writeFirst);
    await new Promise((resolve) => setTimeout(resolve, SEEN_BY_MONITOR_MS));
  }
  const headers = browser.cookieHeader === undefined ? {} : { cookie: browser.cookieHeader };
  const tookMs: number[] = [];
  let failed = 0;
  const startedAtMs = performance.now();
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
  await Promise.all(Array.from({ length: job.connections }, worker));
  const seconds = (performance.now() - startedAtMs) / 1000;
  await pool.close();
  return {
    requestsPerSecond: job.requests / seconds,
    p50Ms: median(tookMs),
    p99Ms: quantile(tookMs, 0.99),
    failed,
  };
}

/** After that the monitors have seen the write on all replicas, so that its token is satisfied from what is known. */
const SEEN_BY_MONITOR_MS = 1_300;
