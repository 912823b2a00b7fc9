import autocannon from 'autocannon';
import { median } from '../measure/statistics.js';

/** So many requests, one after the other on each of some connections. */
export interface BlastJob {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly requests: number;
  readonly connections: number;
  readonly cookie?: string | undefined;
}

/** What the load saw. */
export interface BlastReport {
  readonly p50Ms: number;
  readonly failed: number;
}

/** How often autocannon looks whether all requests are answered. */
const LOOKS_MS = 5;

/** Its own histogram counts whole milliseconds, so the times are taken from its events. */
export function blast({ port, method, path, requests, connections, cookie }: BlastJob): Promise<BlastReport> {
  const tookMs: number[] = [];
  const headers = cookie === undefined ? {} : { cookie };
  const url = `http://127.0.0.1:${port}${path}`;
  return new Promise((resolve, reject) => {
    autocannon(
      { url, method, amount: requests, connections, headers, sampleInt: LOOKS_MS },
      (error, result) => {
        if (error) reject(error as Error);
        else resolve({ p50Ms: median(tookMs), failed: result.errors + result.non2xx });
      },
    ).on('response', (_client, _status, _bytes, ms) => tookMs.push(ms));
  });
}
