import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Post } from '@nestjs/common';
import type { NestApplication } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  ConnectionSelector,
  getClusterToken,
  getConnectionSelectorToken,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
  UsageError,
  UseReplica,
  UseSlave,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { DataSource } from 'typeorm';
import { Note } from '../support/note.js';
import { optionsFor, PLATFORMS, openApp, SILENT, startSeededCluster } from '../support/open-app.js';

@Controller('reports')
@UseReplica({ group: 'reports' })
class ReportsController {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @Post() create() {
    return this.notes.count();
  }
  @Get('view') view() {
    return this.notes.replica.count();
  }
  @Get('fresh') fresh() {
    return this.notes.primary.count();
  }
  @Get('others') @UseSlave() others() {
    return this.notes.count();
  }
  @Get('recent') @UseSlave({ maxLagMs: 0 }) recent() {
    return this.notes.count();
  }
}

@Controller('notes')
class NotesController {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @Get() list() {
    return this.notes.count();
  }
}

@Injectable()
class Jobs {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @UseReplica({ group: 'reports' }) monthly() {
    return this.dataSource.query('SELECT 1');
  }
}

describe('handlers that say which replicas read', () => {
  let postgres: PostgresCluster;
  let app: NestApplication | undefined;
  beforeAll(async () => {
    postgres = await startSeededCluster(2);
  });
  afterAll(() => postgres?.stop());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const [first, second] = [0, 1].map((index) => () => postgres.replicas[index] as { url: string }) as [
    () => { url: string },
    () => { url: string },
  ];
  const placed = (): Partial<ReplicatedModuleOptions> => ({
    replicas: [
      { url: first().url, name: 'ordinary' },
      { url: second().url, name: 'apart', group: 'reports' },
    ],
  });

  it.each(PLATFORMS)('reads by group, and the others elsewhere ($platform)', async ({ createAdapter }) => {
    const site = await openApp({
      imports: [
        ReplicatedModule.forRoot(optionsFor(postgres, placed())),
        ReplicatedModule.forFeature([Note]),
      ],
      controllers: [ReportsController, NotesController],
      providers: [Jobs],
      createAdapter,
    });
    app = site.app;
    await waitUntil(() => site.app.get(ReplicationCluster).nodes.every(({ state }) => state === 'usable'));
    const routeOf = async (method: 'get' | 'post', path: string) =>
      (await request(site.url)[method](path)).headers['replication-route'];
    expect(await routeOf('post', '/reports')).toBe('apart; reason=use-slave');
    expect(await routeOf('get', '/reports/view')).toBe('apart; reason=explicit');
    expect(await routeOf('get', '/reports/fresh')).toBe('primary; reason=explicit');
    expect(await routeOf('get', '/reports/others')).toBe('ordinary; reason=use-slave');
    expect(await routeOf('get', '/reports/recent')).toBe('primary; reason=too-stale');
    expect(await routeOf('get', '/notes')).toBe('ordinary; reason=read-method');
    const { nodes: before } = site.app.get(ReplicationCluster).stats();
    await site.app.get(Jobs).monthly();
    expect(site.app.get(ReplicationCluster).stats().nodes['apart']).toBe((before['apart'] ?? 0) + 1);
  });

  const compile = (options: Partial<ReplicatedModuleOptions>, ...others: ReplicatedModuleOptions[]) =>
    Test.createTestingModule({
      imports: [
        ReplicatedModule.forRoot(optionsFor(postgres, options)),
        ...others.map((other) => ReplicatedModule.forRoot(other)),
      ],
      providers: [Jobs],
    })
      .setLogger(SILENT)
      .compile();

  it.each([
    ['of another name', () => [{ url: second().url, group: 'analytics' }], /Its groups: analytics\./],
    ['of none', () => [{ url: second().url }], /None of its replicas has a group/],
  ])('are refused at start-up where there are groups %s', async (_what, replicas, says) => {
    const module = await compile({ replicas: replicas() });
    const starting = module.init();
    await expect(starting).rejects.toThrow(UsageError);
    await expect(starting).rejects.toThrow(
      /^Jobs\.monthly: No replica of this application is in the group "reports"/,
    );
    await expect(starting).rejects.toThrow(says);
    await module.close();
  });

  it('start where the group may still be discovered, and read the primary until it is', async () => {
    const replicas = [{ url: first().url, name: 'ordinary' }];
    const discover = async () => [{ url: second().url, name: 'found' }];
    const module = await compile({ replicas, cluster: { discover } });
    await module.init();
    const cluster = module.get(ReplicationCluster);
    const before = cluster.stats().routes.primary['no-replicas'] ?? 0;
    await expect(module.get(Jobs).monthly()).resolves.toHaveLength(1);
    expect(cluster.stats().routes.primary['no-replicas']).toBe(before + 1);
    await module.close();
  });

  it('start and work without replicas, as on a developer’s machine', async () => {
    const module = await compile({ replicas: [] });
    await module.init();
    await expect(module.get(Jobs).monthly()).resolves.toHaveLength(1);
    await module.close();
  });

  it('read another cluster as others do: its replicas have no such group', async () => {
    const other = { ...optionsFor(postgres), name: 'other' };
    const module = await compile(placed(), other);
    await module.init();
    const cluster = module.get<ReplicationCluster>(getClusterToken('other'));
    await waitUntil(() => cluster.nodes.every(({ state }) => state === 'usable'));
    const selector = module.get<ConnectionSelector>(getConnectionSelectorToken('other'));
    class Outside {
      @UseReplica({ group: 'reports' }) async read() {
        await selector.dataSource.query('SELECT 1');
        return selector.route?.node;
      }
    }
    expect(await new Outside().read()).toMatch(/^replica-[12]$/);
    await module.close();
  });

  it.each([
    [{ group: '' }, /@UseReplica\(\{ group \}\) takes the name of a group, and got an empty string/],
    [{ group: 'a b' }, /name of a group/],
    [{ maxLagMs: -1 }, /@UseReplica\(\{ maxLagMs \}\) takes a number of milliseconds, 0 or more, and got -1/],
    [{ maxLagMs: NaN }, /got NaN/],
    [{ maxLagMs: '5000' as never }, /got "5000"/],
  ])('are refused where they are declared with %j', (options, says) => {
    const declare = (): unknown => UseReplica(options);
    expect(declare).toThrow(UsageError);
    expect(declare).toThrow(says);
  });
});
