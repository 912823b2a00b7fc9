import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { createNotes, type Platform } from '../consistency/notebook.js';
import { forkOutsideJest } from '../outside-jest/fork-outside-jest.js';
import { borrowPostgres } from '../support/borrow-postgres.js';
import type { Survivors } from './short-lived/count-survivors.js';

/** How long a process may take on a busy machine; it is a matter of seconds. */
const TIMEOUT_MS = 120_000;

// What outlives quick collections is copied twice and stays until a full one: dearer than all that routing does.
// Counted in a process of its own, since what is in a worker of jest already changes what V8 does.
describe('quick collections of garbage', () => {
  let postgres: PostgresCluster;
  beforeAll(async () => {
    postgres = await borrowPostgres({ replicas: 1 });
    await createNotes(postgres);
  });
  afterAll(() => postgres?.stop());

  it.each<Platform>(['express', 'fastify'])(
    'free what requests have used (%s)',
    async (platform) => {
      const survivors = await survivorsOf(platform);
      expect(Object.keys(survivors)).toHaveLength(9);
      // Of 50; what the last requests have used may be in use still.
      expect(Object.entries(survivors).filter(([, count]) => count > 25)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  async function survivorsOf(platform: Platform): Promise<Survivors> {
    const { primary, replicas } = postgres;
    const nodes = { primary: { url: primary.url }, replicas: replicas.map(({ url }) => ({ url })) };
    const { message, ended } = await forkOutsideJest(
      new URL('./short-lived/count-survivors.ts', import.meta.url),
      [JSON.stringify(nodes), platform],
      ['--expose-gc'],
    );
    await ended;
    return message as Survivors;
  }
});
