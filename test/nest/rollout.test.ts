import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import {
  ConnectionSelector,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  type ReplicatedModuleOptions,
  type ReplicatedRepository,
  type RoutingSettings,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { lotOf } from '../../src/routing/client-affinity.js';
import { Note, serverOf } from '../support/note.js';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

const SHARE = 0.3;
const INTERVAL_MS = 1_000;
const keyOf = (request: unknown) => (request as { headers: Record<string, string> }).headers['x-user'];
const [inside, outside] = [0, 1].map((side) => {
  const user = Array.from({ length: 100 }, (_, number) => `user-${number}`);
  return user.filter((name) => lotOf(name) < SHARE === (side === 0));
}) as [string[], string[]];

@Controller()
class NotesController {
  constructor(
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {}

  @Get('read') read() {
    return serverOf(this.notes);
  }
  @Post('search') @UseSlave() search() {
    return serverOf(this.notes);
  }
  @Get('view') view() {
    return serverOf(this.notes.replica);
  }
  @Get('block') block() {
    return this.selector.useReplica(() => serverOf(this.notes));
  }
  @Get('fresh') fresh() {
    return serverOf(this.notes.primary);
  }
  @Get('twice') async twice() {
    return [
      await serverOf(this.notes),
      await this.selector.run({ intent: 'replica' }, () => serverOf(this.notes)),
    ];
  }
  @Get('write') async write(@Req() { headers }: { headers: Record<string, string> }) {
    await this.notes.save({ text: `written by ${headers['x-user']}` });
    return serverOf(this.notes);
  }
  @Get('sql') sql() {
    return this.notes.query(`INSERT INTO note (text) VALUES ('by SQL')`);
  }
  @Get('would') would() {
    return String(this.selector.dataSource === this.notes.replica.manager.connection);
  }
}

async function startSite(nodes: PostgresCluster, routing: ReplicatedModuleOptions['routing']): Promise<Site> {
  const options = optionsFor(nodes, {
    routing: { explainHeader: true, ...routing },
    consistency: { affinity: keyOf },
    monitor: { intervalMs: INTERVAL_MS, timeoutMs: 300 },
  });
  return openApp({
    imports: [ReplicatedModule.forRoot(options), ReplicatedModule.forFeature([Note])],
    controllers: [NotesController],
  });
}

async function ask({ url }: Site, path: string, user?: string, method = 'GET') {
  const headers: Record<string, string> = user === undefined ? {} : { 'x-user': user };
  const response = await fetch(`${url}/${path}`, { method, headers });
  const route = response.headers.get('replication-route');
  return {
    status: response.status,
    text: await response.text(),
    route,
    cookie: response.headers.get('set-cookie'),
  };
}

let nodes: PostgresCluster;
beforeAll(async () => {
  nodes = await startSeededCluster(2);
});
afterAll(() => nodes.stop());

describe('routing.share', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(nodes, { share: SHARE });
    await waitUntil(async () =>
      site.app.get(ReplicationCluster).nodes.every(({ state }) => state === 'usable'),
    );
  });
  afterAll(() => site?.app.close());
  afterEach(() => void (site.app.get(ReplicationCluster).share = SHARE));

  const OUTSIDE = 'primary; reason=outside-share';

  it.each([
    ['read', 'GET'],
    ['search', 'POST'],
    ['view', 'GET'],
    ['block', 'GET'],
  ])('has a client on its side for every kind of read: %s', async (path, method) => {
    expect(await ask(site, path, inside[0], method)).toMatchObject({ text: 'replica' });
    const { text, route, cookie } = await ask(site, path, outside[0], method);
    expect({ text, route, cookie }).toEqual({ text: 'primary', route: OUTSIDE, cookie: null });
  });

  it('leaves alone what asks for the primary', async () => {
    expect((await ask(site, 'fresh', outside[0])).route).toBe('primary; reason=explicit');
  });

  it('refuses nothing to those who are outside, and is a canary for those who are in', async () => {
    const cluster = site.app.get(ReplicationCluster);
    const before = cluster.stats().refusedWrites;
    expect(await ask(site, 'write', outside[1])).toMatchObject({ status: 200, text: 'primary' });
    expect((await ask(site, 'sql', outside[1])).status).toBe(200);
    expect(cluster.stats().refusedWrites).toBe(before);
    expect((await ask(site, 'write', inside[1])).status).toBe(500);
    expect((await ask(site, 'sql', inside[1])).status).toBe(500);
    expect(cluster.stats().refusedWrites).toBe(before + 2);
  });

  it('gives those who are outside a token when they write, so that nothing is missed once they are in', async () => {
    expect((await ask(site, 'write', outside[2])).cookie).toMatch(/^replication/);
  });

  it('is not limited as the fall-back is', async () => {
    const reads = Array.from({ length: 30 }, () => ask(site, 'read', outside[3]));
    for (const { status, route } of await Promise.all(reads))
      expect({ status, route }).toEqual({ status: 200, route: OUTSIDE });
  });

  it('draws clients without a key once for a whole request', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(site, 'twice')));
    const pairs = answers.map(({ text }) => JSON.parse(text) as string[]);
    for (const [first, second] of pairs) expect(second).toBe(first);
    expect(new Set(pairs.map(([first]) => first))).toEqual(new Set(['primary', 'replica']));
  });

  it('can be set at run time, and is refused when it is none', async () => {
    const cluster = site.app.get(ReplicationCluster);
    cluster.share = 0;
    expect((await ask(site, 'read', inside[0])).route).toBe(OUTSIDE);
    cluster.share = 1;
    expect((await ask(site, 'read', outside[0])).text).toBe('replica');
    for (const share of [5, -0.1, NaN, '0.5'])
      expect(() => (cluster.share = share as number)).toThrow(/share: expected a number from 0 to 1, got/);
    expect(cluster.share).toBe(1);
  });

  it('is seen by what asks where the next read would go', async () => {
    expect((await ask(site, 'would', inside[0])).text).toBe('true');
    expect((await ask(site, 'would', outside[0])).text).toBe('false');
  });
});

describe('routing.control, on three instances with one store', () => {
  const store: { value: unknown; isAway: boolean; hangs: boolean } = {
    value: {},
    isAway: false,
    hangs: false,
  };
  let sites: Site[];
  let clusters: ReplicationCluster[];
  const control = async (): Promise<RoutingSettings> => {
    if (store.hangs) return new Promise(() => undefined);
    if (store.isAway) throw new Error('ECONNREFUSED');
    return store.value as RoutingSettings;
  };

  beforeEach(async () => {
    Object.assign(store, { value: { share: SHARE }, isAway: false, hangs: false });
    sites = await Promise.all([1, 2, 3].map(() => startSite(nodes, { control })));
    clusters = sites.map(({ app }) => app.get(ReplicationCluster));
  });
  afterEach(() => Promise.all(sites.map(({ app }) => app.close())));

  it('has the first answer when it starts, and every client on the same side everywhere', async () => {
    expect(clusters.map(({ share }) => share)).toEqual([SHARE, SHARE, SHARE]);
    const users = [...inside.slice(0, 12), ...outside.slice(0, 12)];
    for (const site of sites)
      for (const user of users)
        expect((await ask(site, 'read', user)).text).toBe(inside.includes(user) ? 'replica' : 'primary');
  });

  it.each<[string, RoutingSettings]>([
    ['grows', { share: 0.9 }],
    ['is switched off', { mode: 'primary-only' }],
    ['observes', { mode: 'observe', share: SHARE }],
  ])('moves all of them within two intervals when it %s', async (_what, value) => {
    const told: unknown[] = [];
    for (const cluster of clusters) cluster.on('routingChanged', (payload) => void told.push(payload));
    const after = { mode: 'route', share: 1, ...value };
    const switchedAtMs = performance.now();
    store.value = value;
    const isSwitched = ({ mode, share }: ReplicationCluster) => mode === after.mode && share === after.share;
    await waitUntil(async () => clusters.every(isSwitched), { intervalMs: 5 });
    expect(performance.now() - switchedAtMs).toBeLessThan(2 * INTERVAL_MS);
    expect(told).toEqual([after, after, after]);
    for (const site of sites) {
      const { text } = await ask(site, 'read', inside[0]);
      expect(text).toBe(after.mode === 'route' ? 'replica' : 'primary');
    }
  });

  it('keeps its last answer while the store is away or hangs, serves on, says so once, and closes at once', async () => {
    const told: string[] = [];
    for (const cluster of clusters) cluster.on('promiseWeakened', ({ detail }) => void told.push(detail));
    store.isAway = true;
    await waitUntil(async () => told.length === 3);
    store.hangs = true;
    for (const site of sites) expect((await ask(site, 'read', outside[0])).route).toMatch(/outside-share/);
    expect(clusters.map(({ share }) => share)).toEqual([SHARE, SHARE, SHARE]);
    expect(new Set(told)).toEqual(
      new Set(['routing.control has failed, so that mode and share stay what they are: ECONNREFUSED']),
    );
  });

  it('does not keep an application from starting', async () => {
    store.hangs = true;
    const site = await startSite(nodes, { control, share: 0 });
    expect((await ask(site, 'read', inside[0])).route).toMatch(/outside-share/);
    await site.app.close();
  });
});
