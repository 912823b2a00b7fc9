import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { nodesOf } from '../neighbours/database-options.js';
import { Post } from '../neighbours/post.js';
import { forkOutsideJest, type OutsideJest } from '../outside-jest/fork-outside-jest.js';
import { borrowPostgres } from '../support/borrow-postgres.js';
import type { Report } from './main.js';

const TIMEOUT_MS = 60_000;
const MAIN = new URL('./main.ts', import.meta.url);

describe.each(['Express', 'Fastify'])('an application that logs its own requests, on %s', (platform) => {
  let servers: PostgresCluster;
  let primary: DataSource;
  let site: OutsideJest;

  beforeAll(async () => {
    servers = await borrowPostgres({ replicas: 1 });
    primary = new DataSource({ type: 'postgres', url: servers.primary.url, entities: [Post] });
    site = await forkOutsideJest(MAIN, [JSON.stringify(nodesOf(servers)), platform]);
    await primary.initialize();
    await servers.waitForReplication();
  }, TIMEOUT_MS);
  afterAll(async () => {
    if (site?.child.connected) site.child.disconnect();
    await site?.ended;
    await primary?.destroy();
    await servers?.stop();
  });
  beforeEach(async () => {
    await primary.query('TRUNCATE post');
    await servers.waitForReplication();
  });

  const fetchPath = (path: string, method = 'GET') => fetch(`${site.message as string}/${path}`, { method });
  const get = async (path: string) => (await fetchPath(path)).text();
  const texts = async () =>
    (await primary.getRepository(Post).find({ order: { id: 'ASC' } })).map(({ text }) => text);

  /** Also proves that the process lives. */
  async function report(): Promise<Report> {
    site.child.send('report');
    const [answer] = (await once(site.child, 'message')) as [Report];
    return answer;
  }
  const told = async (handler: string) =>
    (await report()).events.filter((event) => event.handler === handler).map(({ what }) => what);
  const lines = async (handler: string) =>
    (await report()).warnings.filter((line) => line.startsWith(`${handler} `));

  it.each([
    ['when the response is finished', 'finish', 'finish'],
    ['in an interceptor', 'tap', 'tap'],
    ['in an interceptor that awaits it', 'awaited-tap', 'awaited tap'],
    ['when the response of a request-scoped controller is finished', 'scoped/finish', 'finish'],
    ['while a file is streamed', 'stream', 'streamed'],
  ])('what it writes %s is written', async (_when, path, text) => {
    const response = await fetchPath(path);
    expect([response.status, await response.text()]).toEqual([200, path === 'stream' ? 'ab' : 'ok']);
    await waitUntil(async () => (await texts()).includes(text));
    expect((await report()).refusedWrites).toBe(0);
  });

  it.each([
    ['that the handler has thrown', 'throws', 'thrown'],
    ['that a handler with a filter of its own has rejected with', 'rejects', 'rejected'],
    ['that a guard has thrown', 'denied', 'Forbidden resource'],
    ['that a pipe has thrown', 'piped/x', 'Validation failed (numeric string is expected)'],
    ['of a request-scoped controller', 'scoped/throws', 'thrown'],
  ])('a filter stores an error %s, and answers', async (_which, path, message) => {
    const response = await fetchPath(path);
    expect([response.status, await response.json()]).toEqual([500, { logged: true }]);
    expect(await texts()).toEqual([`filter: ${message}`]);
    expect((await report()).refusedWrites).toBe(0);
  });

  it('a write that began after the handler is told of once, and leaves its token if it still can', async () => {
    const response = await fetchPath('awaited-tap');
    await fetchPath('awaited-tap');
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await told('LogController.awaitedTap')).toEqual(['afterwards']);
    await fetchPath('finish');
    await waitUntil(async () => (await told('LogController.finish')).length > 0);
    expect(await told('LogController.finish')).toEqual(['late']);
  });

  it.each([
    ['save', 'save'],
    ['insert', 'insert'],
    ['upsert', 'upsert'],
    ['query', 'query'],
    ['builder', 'builder'],
    ['clone', 'clone'],
    ['transaction', 'transaction'],
    ['runner', 'runner'],
    ['released', 'released'],
    ['replica', 'replica'],
    ['lock', 'lock'],
  ])('a %s that is not awaited is refused by name, or done, and the process lives', async (path, method) => {
    expect(await get(`void/${path}`)).toBe('ok');
    const isDone = async () =>
      (await texts()).length > 0 || (await told(`LogController.${method}`)).includes('refused');
    if (path !== 'clone' && path !== 'upsert') await waitUntil(isDone);
    expect(await get('finish')).toBe('ok');
  });

  it('so is one of a decorated method, in the name of that method', async () => {
    expect(await get('void/decorated')).toBe('ok');
    await waitUntil(async () => (await told('LogController.report')).includes('refused'));
  });

  it('a guard that writes is refused in the name of its handler', async () => {
    expect(await get('guard')).toBe('ok');
    await waitUntil(async () => (await told('LogController.guard')).includes('refused'));
    expect(await lines('LogController.guard')).toHaveLength(1);
  });

  it('an interceptor behind one that answers by itself does not end the process', async () => {
    expect(await get('tap-of-cached')).toBe('cached');
    expect(await get('finish')).toBe('ok');
  });

  it.each([
    ['caught', 'LogController.caught'],
    ['caught-query', 'LogController.caughtQuery'],
  ])(
    'a refusal that the handler swallows (%s) is counted each time and logged once',
    async (path, handler) => {
      for (let visit = 0; visit < 3; visit += 1) expect(await get(path)).toBe('ok');
      const { byHandler } = await report();
      expect(byHandler[handler]).toBe(3);
      expect(await told(handler)).toEqual(['refused']);
      const [line, ...others] = await lines(handler);
      expect(others).toEqual([]);
      expect(line).toMatch(/@ChangesDatabase\(\).*outside\(\).*bind\(\)/);
    },
  );

  it('a buffer that all requests share is written, whichever request has started its timer', async () => {
    await get('buffer');
    await fetchPath('buffer', 'POST');
    await waitUntil(async () => (await texts()).length === 2);
    expect(await texts()).toEqual(['of a GET', 'of a POST']);
  });

  it('an interval that a GET has started goes on writing', async () => {
    await get('ticks');
    await waitUntil(async () => (await texts()).length === 3);
  });

  it('a job in the context of a handler that still runs is refused in its name, unless it is bound', async () => {
    const { refusedWrites } = await report();
    for (const [path, status] of [
      ['queue', 500],
      ['queue-bound', 201],
    ] as const) {
      const holding = get('hold');
      await waitUntil(async () => (await get('is-held')) === 'true');
      expect((await fetchPath(path, 'POST')).status).toBe(status);
      expect(await holding).toBe('ok');
    }
    expect(await texts()).toContain('bound');
    expect(await told('LogController.hold')).toEqual(['refused']);
    expect((await report()).refusedWrites).toBe(refusedWrites + 1);
  });

  it('an Observable is the handler for as long as it goes on', async () => {
    expect(await get('events')).toMatch(/ReplicaWriteError[^]*ReplicaWriteError/);
    await waitUntil(async () => (await texts()).includes('events are over'));
    expect(await told('LogController.events')).toContain('refused');
  });

  it('what blocks have started goes on after them, and writes', async () => {
    expect(await get('blocks')).toBe('ok');
    await waitUntil(async () => (await texts()).length === 2);
    expect((await texts()).sort()).toEqual(['after run', 'after useReplica']);
  });

  it('what begins after the handler reads by the kind of the unit, although it has written', async () => {
    expect(await get('reads-after')).toBe('ok');
    await waitUntil(async () => (await texts()).length === 2, { timeoutMs: 5_000 });
    expect((await texts())[1]).toMatch(/^read the (replica|primary)$/);
  });
});
