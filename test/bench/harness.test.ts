import { execFile } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasMariadb } from '../support/mariadb-server.js';
import { compileBench } from './compile-bench.js';

/** How long the whole run may take on a busy machine; undisturbed it takes less than a minute. */
const TIMEOUT_MS = 120_000;
const ENGINES = ['PostgreSQL', ...(hasMariadb ? ['MariaDB'] : [])];

describe('npm run bench', () => {
  let folder: string;
  beforeAll(async () => (folder = await compileBench()), TIMEOUT_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const bench = (...options: string[]) =>
    promisify(execFile)(process.execPath, [join(folder, 'bench/dist/main.js'), '--out', folder, ...options], {
      cwd: folder,
    });
  const results = async () =>
    JSON.parse(await readFile(join(folder, 'docs/benchmarks/results.json'), 'utf8'));
  const page = () => readFile(join(folder, 'BENCHMARKS.md'), 'utf8');

  function expectRequests(results: readonly { cpuUs: number[][]; failed: number; variant: string }[]): void {
    for (const { cpuUs, failed, variant } of results) {
      expect({ failed, variant }).toEqual({ failed: 0, variant });
      expect(cpuUs).toEqual([[expect.any(Number)]]);
      expect(cpuUs[0]?.[0]).toBeGreaterThan(0);
    }
  }

  it(
    'measures requests, and writes results, a chart and the page',
    async () => {
      await bench('--tiny', '--only=http,units');
      const { parts, circumstances } = await results();
      expect(Object.keys(circumstances)).toEqual(['http', 'units']);
      expectRequests(parts.http);
      expect(await readdir(join(folder, 'docs/benchmarks'))).toContain('overhead.svg');
      expect(await page()).toContain('## 1. Overhead');
      expect(await page()).not.toMatch(/undefined|NaN/);
    },
    TIMEOUT_MS,
  );

  it(
    'measures correctness on each database, and draws it',
    async () => {
      await bench('--tiny', '--only=lag');
      const { parts, circumstances } = await results();
      expect(Object.keys(circumstances)).toEqual(['http', 'units', 'lag']);
      expect(new Set(parts.lag.map(({ engine }: { engine: string }) => engine))).toEqual(new Set(ENGINES));
      for (const one of parts.lag) {
        expect(one.reads).toBeGreaterThan(0);
        expect(one.readsOnReplicas).toBeGreaterThan(0);
        expect(one.failed).toBe(0);
        if (one.variant === 'session') expect(one.stale).toBe(0);
      }
      expect(await readdir(join(folder, 'docs/benchmarks'))).toEqual(
        expect.arrayContaining(['stale-reads.svg', 'primary-reads.svg']),
      );
      expect(await page()).toContain('## 2. Correctness under lag');
      expect(await page()).not.toMatch(/undefined|NaN/);
    },
    TIMEOUT_MS,
  );

  it(
    'measures what routing and read-your-writes cost',
    async () => {
      await bench('--tiny', '--only=share,guarantee');
      const { parts } = await results();
      expectRequests([...parts.share, ...parts.guarantee]);
      expect(parts.guarantee).toHaveLength(10);
      expect(await page()).toContain('### What read-your-writes costs');
      expect(await page()).not.toMatch(/undefined|NaN/);
    },
    TIMEOUT_MS,
  );

  it(
    'measures more parts and keeps the others',
    async () => {
      const before = await results();
      await bench('--tiny', '--only=calls,no-replicas,wait');
      const { parts } = await results();
      expect(parts.calls).toHaveLength(20 * ENGINES.length);
      expect(parts['no-replicas']).toMatchObject([
        { variant: 'plain', request: 'GET', failed: 0 },
        { variant: 'plain', request: 'POST', failed: 0 },
        { variant: 'session', request: 'GET', failed: 0 },
        { variant: 'session', request: 'POST', failed: 0 },
      ]);
      for (const { reads, stale, failed } of parts.wait)
        expect({ hasRead: reads > 0, stale, failed }).toEqual({ hasRead: true, stale: 0, failed: 0 });
      expect(parts.lag).toEqual(before.parts.lag);
    },
    TIMEOUT_MS,
  );

  it('says which parts there are when asked for one that there is not', async () => {
    await expect(bench('--only=speed')).rejects.toThrow(/No such part: speed\. There are calls, http, share/);
  });
});
