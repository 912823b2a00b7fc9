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
export type BlastReport = Readonly<Awaited<ReturnType<typeof blast>>>;

/** How often autocannon looks whether all requests are answered. */
const LOOKS_MS = 5;

/** Its own histogram counts whole milliseconds, so the times are taken from its events. */
export function blast({ port, method, path, requests, connections, cookie }: BlastJob) {
  const tookMs: number[] = [];
  const headers = cookie === undefined ? {} : { cookie };
  const url = `http://127.0.0.1:${port}${path}`;
  const options = { url, method, amount: requests, connections, headers, sampleInt: LOOKS_MS };
  return new Promise<{ p50Ms: number; failed: number }>((resolve, reject) =>
    autocannon(options, (error, { errors, non2xx }) => {
      if (error) reject(error as Error);
      else resolve({ p50Ms: median(tookMs), failed: errors + non2xx });
    }).on('response', (_client, _status, _bytes, ms) => tookMs.push(ms)),
  );
}
