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

interface Overhead {
  readonly contender: string;
  readonly what: string;
  readonly on: string;
  readonly cpuUs: number[][];
  readonly failed: number;
  readonly roundTrips?: number;
}

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

  function expectCosts(results: readonly Overhead[]): void {
    for (const { cpuUs, failed, contender } of results) {
      expect({ failed, contender }).toEqual({ failed: 0, contender });
      expect(cpuUs).toEqual([[expect.any(Number)]]);
      expect(cpuUs[0]?.[0]).toBeGreaterThan(0);
    }
  }

  it(
    'measures requests, of which the share of the platform is a row, and writes results and the page',
    async () => {
      await bench('--tiny', '--only=share');
      const { parts, circumstances } = await results();
      expect(Object.keys(circumstances)).toEqual(['requests']);
      expectCosts(parts.requests);
      expect(new Set(parts.requests.map(({ what }: Overhead) => what))).toEqual(
        new Set([
          'GET',
          'GET with a token',
          'POST',
          'GET, answered from memory',
          'GET, servers 40 ms away',
          'POST, servers 40 ms away',
        ]),
      );
      expect(await page()).toMatch(/^\| POST, servers 40 ms away/m);
      expect(await page()).toContain('Not measured yet: `npm run bench -- --only=calls` does.');
      expect(await page()).not.toMatch(/undefined|NaN/);
      expect((await page()).split('\n').length).toBeLessThan(160);
    },
    TIMEOUT_MS,
  );

  it(
    'measures correctness on each database, and draws it',
    async () => {
      await bench('--tiny', '--only=lag,start');
      const { parts, circumstances } = await results();
      expect(Object.keys(circumstances)).toEqual(['requests', 'lag', 'start']);
      expect(new Set(parts.lag.map(({ engine }: { engine: string }) => engine))).toEqual(new Set(ENGINES));
      for (const one of parts.lag) {
        expect(one.reads).toBeGreaterThan(0);
        expect(one.readsOnReplicas).toBeGreaterThan(0);
        expect(one.failed).toBe(0);
        if (one.variant === 'session') expect(one.stale).toBe(0);
      }
      expect(await readdir(join(folder, 'docs/benchmarks'))).toContain('stale-reads.svg');
      expect(await page()).toContain("| PostgreSQL: TypeORM's `replication`");
      expect(await page()).not.toMatch(/undefined|NaN/);
    },
    TIMEOUT_MS,
  );

  it(
    'measures calls, and counts their round trips',
    async () => {
      await bench('--tiny', '--only=calls');
      const { calls } = (await results()).parts as { calls: Overhead[] };
      expect(calls).toHaveLength(20 * ENGINES.length);
      expectCosts(calls);
      const trips = (contender: string) =>
        calls.find((one) => one.on === 'PostgreSQL' && one.what === 'insert' && one.contender === contender)
          ?.roundTrips ?? Number.NaN;
      expect(Math.round(trips('plain'))).toBe(1);
      expect(Math.round(trips('session'))).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    'measures more parts and keeps the others',
    async () => {
      const before = await results();
      await bench('--tiny', '--only=fleet,wait');
      const { parts } = await results();
      for (const { reads, stale, failed } of parts.wait)
        expect({ hasRead: reads > 0, stale, failed }).toEqual({ hasRead: true, stale: 0, failed: 0 });
      expect(parts.fleet).toMatchObject({ instances: 2, stale: 0 });
      expect(parts.fleet.probeUs).toBeGreaterThan(0);
      expect(parts.lag).toEqual(before.parts.lag);
    },
    TIMEOUT_MS,
  );

  it('says which parts there are when asked for one that there is not', async () => {
    await expect(bench('--only=speed')).rejects.toThrow(
      /No such part: speed\. There are calls, requests, lag/,
    );
  });
});
