import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UsageError, UseReplica, type Route } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type TcpProxy } from 'nestjs-replicated/testing';
import { PARAMETER, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import { FaultApp, nodesBehind } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

const ALL = 'SELECT count(*) FROM note';
const MINE = `SELECT text FROM note WHERE text = ${PARAMETER}`;

/** Handlers with the decorators that place reads. */
class Handlers {
  constructor(private readonly app: FaultApp) {}

  @UseReplica({ group: 'reports' }) report() {
    return this.read(ALL);
  }
  @UseReplica({ group: 'reports', token: (token: string | undefined) => token })
  ownReport(_token: string | undefined, text: string) {
    return this.read(MINE, text);
  }
  @UseReplica({ token: (token: string | undefined) => token })
  ownList(_token: string | undefined, text: string) {
    return this.read(MINE, text);
  }
  @UseReplica({ maxLagMs: 2_000 }) recent() {
    return this.read(ALL);
  }
  @UseReplica({ group: 'reprots' }) mistaken() {
    return this.read(ALL);
  }

  private async read(
    sql: string,
    ...parameters: string[]
  ): Promise<{ rows: unknown[]; route: Route | undefined }> {
    const rows = await this.app.dataSource.query<unknown[]>(sql, parameters);
    return { rows, route: this.app.selector.route };
  }
}

describe('reads that are placed', () => {
  let postgres: PostgresCluster;
  let proxies: TcpProxy[];
  let app: FaultApp;
  let handlers: Handlers;

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 3 });
    proxies = await Promise.all(postgres.nodes.map((node) => node.proxy()));
  });
  afterAll(() => postgres?.stop());
  beforeEach(async () => {
    const { primary, replicas } = nodesBehind(proxies, postgres);
    const [here = {}, there = {}, reports = {}] = replicas;
    app = await FaultApp.start({
      synchronize: true,
      primary: { ...primary, poolSize: 20 },
      replicas: [
        { ...here, name: 'here', zone: 'one' },
        { ...there, name: 'there', zone: 'two' },
        { ...reports, name: 'reports-1', zone: 'two', group: 'reports' },
      ],
      routing: { zone: 'one' },
    } as never);
    handlers = new Handlers(app);
    await app.allUsable();
    await waitUntil(async () => (await app.readOn()) === 'here');
    await reportsOn('reports-1');
  });
  afterEach(async () => {
    for (const proxy of proxies) proxy.resume();
    for (const replica of postgres.replicas) await replica.resumeReplay();
    await app.close();
  });

  const proxyOf = (name: string) =>
    proxies[['primary', 'here', 'there', 'reports-1'].indexOf(name)] as TcpProxy;
  const reportsOn = (node: string) =>
    waitUntil(async () => (await handlers.report()).route?.node === node, {
      timeoutMs: 25_000,
      message: `reports to be read on ${node}`,
    });
  const readsOn = (node: string) =>
    waitUntil(async () => (await app.readOn()) === node, { timeoutMs: 25_000, message: `reads on ${node}` });

  let texts = 0;
  /** Writes, and reads it as a client of its own would. */
  const roundTrip = async (read: 'ownList' | 'ownReport'): Promise<void> => {
    const text = `${read} ${++texts}`;
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text });
      return app.selector.token();
    });
    const { rows, route } = await handlers[read](token, text);
    if (rows.length !== 1) throw new Error(`an own write was missed on ${route?.node}: ${route?.reason}`);
  };

  /** Everything at once: who reads, who reports, who writes and reads that, either way. */
  function startLoads() {
    const loads = {
      reads: new Load(() => app.read()),
      reports: new Load(() => handlers.report()),
      'own lists': new Load(() => roundTrip('ownList'), { callers: 2 }),
      'own reports': new Load(() => roundTrip('ownReport'), { callers: 2 }),
    };
    const each = Object.values(loads);
    return {
      more: () => Promise.all(each.map((load) => load.moreRequests(20))),
      stop: async (what: string) => {
        for (const [name, load] of Object.entries(loads)) {
          const report = await load.stop();
          printFigures(`${what}, ${name}`, report);
          expect({ name, failed: messagesOf(report.failures) }).toEqual({ name, failed: {} });
        }
      },
    };
  }

  /** Queries by node while `during` runs. */
  const queriesOf = async (during: () => Promise<unknown>): Promise<Record<string, number>> => {
    const before = app.cluster.stats().nodes;
    await during();
    const after = Object.entries(app.cluster.stats().nodes);
    return Object.fromEntries(after.map(([name, count]) => [name, count - (before[name] ?? 0)]));
  };

  it.each(['reset', 'blackhole'] as const)(
    'a group loses its replica (%s): the primary reads for it, and it comes back',
    async (fault) => {
      const loads = startLoads();
      await loads.more();
      proxyOf('reports-1')[fault]();
      await reportsOn('primary');
      expect((await handlers.report()).route).toEqual({
        role: 'primary',
        node: 'primary',
        reason: 'no-usable-replica',
      });
      await readsOn('here');
      await loads.more();
      proxyOf('reports-1').resume();
      await reportsOn('reports-1');
      await loads.more();
      await loads.stop(`the group lost, ${fault}`);
    },
  );

  it.each(['reset', 'blackhole'] as const)(
    'a zone loses its replica (%s): another one reads, and it comes back',
    async (fault) => {
      const loads = startLoads();
      await loads.more();
      proxyOf('here')[fault]();
      await readsOn('there');
      const outside = () =>
        app.cluster.metrics().find(({ name }) => name.endsWith('.outside_zone'))?.points[0]?.value ?? 0;
      const before = outside();
      await loads.more();
      expect(outside()).toBeGreaterThan(before);
      proxyOf('here').resume();
      await readsOn('here');
      await loads.more();
      await loads.stop(`the zone lost, ${fault}`);
    },
  );

  it('all that serve ordinary reads are lost: the primary reads, and what is set apart stays so', async () => {
    const loads = startLoads();
    await loads.more();
    for (const name of ['here', 'there']) proxyOf(name).reset();
    await Promise.all(['here', 'there'].map((name) => app.timeUntil(name, 'unreachable')));
    const queries = await queriesOf(async () => {
      for (let times = 0; times < 20; times++) expect(await app.readOn()).toBe('primary');
    });
    expect(queries['primary']).toBeGreaterThanOrEqual(20);
    await loads.more();
    for (const name of ['here', 'there']) proxyOf(name).resume();
    await readsOn('here');
    await loads.more();
    await loads.stop('zone and others lost');
  });

  it('a group is removed and added under load', async () => {
    const { url } = postgres.replicas[2] as { url: string };
    const loads = startLoads();
    await loads.more();
    await app.cluster.removeReplica('reports-1');
    expect((await handlers.report()).route).toMatchObject({ node: 'primary', reason: 'no-replicas' });
    await loads.more();
    await app.cluster.addReplica({ url, name: 'reports-2', group: 'reports' });
    await reportsOn('reports-2');
    await loads.more();
    await loads.stop('the group removed and added');
  });

  it('a handler that wants fresher data than replicas are known to have reads the primary', async () => {
    const routeOfRecent = async () => (await handlers.recent()).route;
    await waitUntil(async () => (await routeOfRecent())?.node === 'here');
    for (const replica of postgres.replicas) await replica.pauseReplay();
    await app.write();
    await waitUntil(async () => (await routeOfRecent())?.node === 'primary', { timeoutMs: 10_000 });
    expect(await routeOfRecent()).toMatchObject({ node: 'primary', reason: 'too-stale' });
    expect(await app.readOn()).toBe('here');
    for (const replica of postgres.replicas) await replica.resumeReplay();
    await waitUntil(async () => (await routeOfRecent())?.node === 'here', { timeoutMs: 10_000 });
  });

  it('a group that no replica was ever in is a mistake, which says what there is', async () => {
    await expect(handlers.mistaken()).rejects.toThrow(UsageError);
    await expect(handlers.mistaken()).rejects.toThrow(/in the group "reprots".*Its groups: reports\./);
  });

  it('snapshots say where a node is and what it is for', () => {
    expect(app.cluster.nodes.map(({ name, zone, group }) => [name, zone, group])).toEqual([
      ['primary', undefined, undefined],
      ['here', 'one', undefined],
      ['there', 'two', undefined],
      ['reports-1', 'two', 'reports'],
    ]);
  });
});
