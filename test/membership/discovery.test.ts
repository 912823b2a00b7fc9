import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { discoverByDns, type ReplicaOptions, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import { Load, messagesOf } from '../faults/load.js';
import { printFigures } from '../faults/print-figures.js';
import { NameServer } from './name-server.js';

const INTERVAL_MS = 100;
const SERVICE = '_database._tcp.test';

describe('replicas that are discovered', () => {
  let servers: PostgresCluster;
  let first: PostgresNode;
  let second: PostgresNode;
  let app: FaultApp | undefined;
  const told: string[] = [];

  beforeAll(async () => {
    servers = await startCluster({ replicas: 2 });
    [first, second] = servers.replicas as [PostgresNode, PostgresNode];
  });
  afterAll(() => servers?.stop());
  beforeEach(() => void told.splice(0));
  afterEach(() => app?.close());

  /** What was told: also of the start, when only the log hears of it. */
  async function start(
    discover: () => Promise<readonly ReplicaOptions[]>,
    options: Partial<ReplicatedModuleOptions> = {},
  ): Promise<FaultApp> {
    const hear = (line: unknown) => void told.push(String(line));
    const logger = { log: () => undefined, warn: hear, error: hear };
    const given = { primary: { url: servers.primary.url }, replicas: [], synchronize: true, ...options };
    const cluster = { discover, discoverIntervalMs: INTERVAL_MS };
    app = await FaultApp.start({ ...given, cluster } as Parameters<typeof FaultApp.start>[0], logger);
    app.cluster.on('promiseWeakened', ({ detail }) => told.push(detail));
    return app;
  }

  const replicasOf = ({ cluster }: FaultApp) => cluster.nodes.slice(1).map(({ name }) => name);
  const until = (running: FaultApp, ...names: readonly string[]) =>
    waitUntil(() => replicasOf(running).toSorted().join() === names.join(), { message: names.join() });
  /** Resolves after so many answers more. */
  const answersOf = (discover: { answers: number }) => async (count: number) => {
    const wanted = discover.answers + count;
    await waitUntil(() => discover.answers >= wanted);
  };

  /** Answers what the test has put there. */
  function list(...replicas: readonly unknown[]) {
    const listing = {
      answer: replicas as readonly unknown[] | Error,
      answers: 0,
      discover: (): Promise<never> => {
        listing.answers += 1;
        const { answer } = listing;
        return (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)) as Promise<never>;
      },
      more: (count: number) => answersOf(listing)(count),
    };
    return listing;
  }

  it('join and leave by DNS under load: no request fails, and no client misses its own write', async () => {
    const names = await NameServer.start();
    const { username, password, pathname } = new URL(servers.primary.url);
    const listed = (...nodes: readonly PostgresNode[]) =>
      names.set(SERVICE, { SRV: nodes.map(({ port }) => ({ target: 'db.test', port })) });
    names.set('db.test', { A: ['127.0.0.1'] });
    listed(first);
    try {
      const running = await start(discoverByDns(SERVICE, { resolver: names.resolver }), {
        username,
        password,
        database: pathname.slice(1),
      });
      expect(replicasOf(running)).toEqual([`127.0.0.1:${first.port}`]);
      const [one, other] = [first, second].map(({ port }) => `127.0.0.1:${port}`) as [string, string];
      let writes = 0;
      const load = new Load(async () => {
        const text = `own-${writes++}`;
        const token = await running.selector.run({ intent: 'primary' }, async () => {
          await running.dataSource.getRepository(Note).insert({ text });
          return running.selector.token();
        });
        await running.selector.run({ intent: 'replica', ...(token && { token }) }, async () => {
          const rows = await running.dataSource.getRepository(Note).findBy({ text });
          if (rows.length === 0) throw new Error(`missed on ${running.selector.route?.node}`);
        });
      });
      for (const leave of ['stop', 'kill', 'stop'] as const) {
        listed(second, first);
        await until(running, ...[one, other].toSorted());
        await waitUntil(async () => (await running.readOn()) === other);
        await load.moreRequests(20);
        // One that dies while it is still listed is not missed, either.
        if (leave === 'kill') await second.kill();
        listed(first);
        await until(running, one);
        if (leave === 'stop') await second.stop();
        await load.moreRequests(20);
        await second.start();
      }
      names.set(SERVICE, {});
      await load.moreRequests(20);
      const report = await load.stop();
      printFigures('replicas joining and leaving by DNS', report);
      expect(messagesOf(report.failures)).toEqual({});
      expect(replicasOf(running)).toEqual([one]);
    } finally {
      names.stop();
    }
  });

  it('are removed when three answers in a row lack them, and not before', async () => {
    const listing = list({ url: first.url, name: 'a' }, { url: second.url, name: 'b' });
    const running = await start(listing.discover);
    await running.allServe();
    listing.answer = [{ url: first.url, name: 'a' }];
    await listing.more(2);
    expect(replicasOf(running)).toEqual(['a', 'b']);
    listing.answer = [
      { url: second.url, name: 'b' },
      { url: first.url, name: 'a' },
    ];
    await listing.more(2);
    expect(replicasOf(running)).toEqual(['a', 'b']);
    listing.answer = [{ url: first.url, name: 'a' }];
    await until(running, 'a');
    expect(told).toEqual([]);
  });

  it('stay when the question fails, or has no answer, or an empty one: told once each', async () => {
    const listing = list({ url: first.url, name: 'a' });
    const running = await start(listing.discover);
    for (const answer of [new Error('no credentials'), [], 'a, b' as never]) {
      listing.answer = answer;
      await listing.more(5);
      expect(replicasOf(running)).toEqual(['a']);
      listing.answer = [{ url: first.url, name: 'a' }];
      await listing.more(2);
    }
    expect(told.map((line) => line.slice(0, 65))).toEqual([
      expect.stringContaining('cluster.discover has failed (no credentials), so that the'),
      expect.stringContaining('cluster.discover has answered no replicas, so that the'),
      expect.stringContaining('cluster.discover has failed (it has answered no list'),
    ]);
  });

  it('are asked for one question at a time, each of which is given up after a while', async () => {
    let [open, most] = [0, 0];
    let isStuck = false;
    const running = await start(
      async () => {
        most = Math.max(most, ++open);
        if (isStuck) await new Promise(() => undefined);
        open -= 1;
        return [{ url: first.url, name: 'a' }];
      },
      { monitor: { connectTimeoutMs: 300 } },
    );
    isStuck = true;
    await waitUntil(() => told.some((line) => line.includes('(no answer within 300 ms)')));
    expect([most, replicasOf(running)]).toEqual([1, ['a']]);
    isStuck = false;
    open = 0;
    await waitUntil(() => open === 0);
  });

  it('may be wrong one by one: the others join', async () => {
    const listing = list({ url: first.url, name: 'a', wieght: 2 }, { url: second.url, name: 'b' }, 'c', {
      url: first.url,
      name: 'not a name',
    });
    const running = await start(listing.discover);
    expect(replicasOf(running)).toEqual(['b']);
    await listing.more(3);
    expect(told).toEqual([
      expect.stringContaining('Did you mean weight?'),
      expect.stringContaining('expected an object'),
      expect.stringContaining('name: expected up to 64 letters'),
    ]);
    listing.answer = [
      { url: first.url, name: 'a' },
      { url: second.url, name: 'b' },
    ];
    await until(running, 'a', 'b');
  });

  it('are none that the options have, and never the primary; what the options have stays', async () => {
    const listing = list({ url: servers.primary.url, name: 'p' }, { url: first.url, name: 'x' });
    const running = await start(listing.discover, { replicas: [{ url: first.url, name: 'listed' }] });
    expect(replicasOf(running)).toEqual(['listed']);
    listing.answer = [{ url: second.url, name: 'listed' }];
    await listing.more(5);
    expect(replicasOf(running)).toEqual(['listed']);
    expect(told).toEqual([expect.stringContaining("'listed' is the name of another node already")]);
    expect(running.stateOf('listed')).toBe('usable');
  });

  it('are known by their address, whatever their name, and get one from it', async () => {
    const listing = list({ url: first.url });
    const running = await start(listing.discover);
    const name = `127.0.0.1:${first.port}`;
    listing.answer = [{ url: first.url, name: 'another' }];
    await listing.more(5);
    expect(replicasOf(running)).toEqual([name]);
  });

  it('are replaced when another server has their name, and not when other options have changed', async () => {
    const listing = list({ url: first.url, name: 'a' });
    const running = await start(listing.discover);
    const events: string[] = [];
    for (const name of ['replicaAdded', 'replicaRemoved'] as const)
      running.cluster.on(name, ({ node }) => events.push(`${name} ${node}`));
    listing.answer = [{ url: first.url, name: 'a', weight: 2, poolSize: 3 }];
    await listing.more(4);
    expect(events).toEqual([]);
    listing.answer = [{ url: second.url, name: 'a' }];
    await waitUntil(() => events.length === 2);
    expect(events).toEqual(['replicaRemoved a', 'replicaAdded a']);
  });

  it('join where none is there at the start, and may be removed by hand while nobody answers them', async () => {
    const listing = list();
    listing.answer = new Error('not yet');
    const running = await start(listing.discover);
    expect(await running.readOn()).toBe('primary');
    listing.answer = [{ url: first.url, name: 'a' }];
    await until(running, 'a');
    await running.allServe();
    listing.answer = new Error('gone again');
    await listing.more(1);
    await running.cluster.removeReplica('a');
    listing.answer = [{ url: first.url, name: 'a' }];
    await until(running, 'a');
  });

  it('are not asked for any more once the application closes', async () => {
    const listing = list({ url: first.url, name: 'a' });
    const running = await start(listing.discover);
    await running.close();
    const { answers } = listing;
    await running.dataSource.initialize();
    expect([listing.answers, replicasOf(running)]).toEqual([answers + 1, ['a']]);
    await running.dataSource.destroy();
    app = undefined;
  });
});
