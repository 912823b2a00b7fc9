import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { VersioningType } from '@nestjs/common';
import { ReplicatedModule, ReplicationCluster, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { auditHandlers, type AuditedHandler } from 'nestjs-replicated/audit';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import { recordRoutes, waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { createApp } from '../../sample-app/create-app.js';
import { Note } from '../support/note.js';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import { HANDLERS } from './site.js';

const RULES: NonNullable<ReplicatedModuleOptions['routing']>['rules'] = [
  { path: '/api/notes/newest', use: 'primary' },
  { path: '/api/inner/things/latest', use: 'primary' },
  { method: 'POST', path: '/api/notes/any', use: 'replica' },
  { path: '/price', use: 'replica' },
  { path: '/notes/*rest', use: 'primary' },
  { method: 'PUT', path: '/api/notes', use: 'replica' },
];

function startSite(
  nodes: PostgresCluster,
  routing: ReplicatedModuleOptions['routing'],
  isWanted: (module: unknown) => boolean = () => true,
): Promise<Site> {
  const options = optionsFor(nodes, { routing: { explainHeader: true, ...routing } });
  const imports = HANDLERS.imports.filter(isWanted);
  return openApp({
    ...HANDLERS,
    imports: [ReplicatedModule.forRoot(options), ReplicatedModule.forFeature([Note]), ...imports],
    configure(app) {
      app.setGlobalPrefix('api', { exclude: ['notes/latest'] });
      app.enableVersioning({ type: VersioningType.URI });
    },
  });
}

/** As the script of docs/audit.md prints it. */
const lineOf = ({
  kind,
  method = '',
  path = '',
  handler,
  intent,
  reason,
  exceptions,
  problems,
}: AuditedHandler) =>
  [`${kind} ${method} ${path} ${handler} ${intent} ${reason}`, ...(exceptions ?? []), ...problems]
    .join(' | ')
    .replaceAll(/ +/g, ' ');

describe('the audit', () => {
  let nodes: PostgresCluster;
  beforeAll(async () => {
    nodes = await startSeededCluster();
  });
  afterAll(() => nodes.stop());

  describe('auditHandlers', () => {
    let site: Site;
    beforeAll(async () => {
      site = await startSite(nodes, { rules: RULES });
    });
    afterAll(() => site?.app.close());

    it('has one row per handler, with its route, intent and reason, and what is wrong', () => {
      expect(auditHandlers(site.app).map(lineOf)).toEqual([
        'http POST /api/inner/things ThingsController.create primary changes-database',
        'http GET /api/inner/things/:id ThingsController.one replica use-slave | /api/inner/things/latest: primary',
        'http GET /api/notes NotesController.list replica read-method',
        'http POST /api/notes NotesController.create primary write-method',
        `http DELETE /api/notes/:id NotesController.remove primary changes-database | /api/notes/newest: primary | ${BOTH}`,
        'http ALL /api/notes/any NotesController.any either write-method | POST /api/notes/any: replica',
        'http GET /api/notes/count NotesController.count primary changes-database',
        'http GET /api/notes/lock NotesController.lock replica read-method',
        'http GET /api/notes/newest NotesController.latest primary rule',
        'http POST /api/notes/report NotesController.report replica use-slave',
        'http POST /api/notes/search NotesController.search primary write-method',
        'http GET /api/notes/seen NotesController.seen replica read-method',
        'http GET /api/notes/visit NotesController.visit replica read-method',
        'http POST /api/v1/inner/things ThingsController.create primary changes-database',
        'http GET /api/v1/inner/things/:id ThingsController.one replica use-slave',
        'http GET /api/v2/inner/things/second ThingsController.second replica use-slave',
        'http GET /notes/latest NotesController.latest primary rule',
        'query Query.items ItemsResolver.items replica read-operation',
        'query Query.one ItemsResolver.itemOfName replica read-operation',
        'mutation Mutation.addItem ItemsResolver.addItem primary write-operation',
        `mutation Mutation.wrongly ItemsResolver.wrongly replica use-slave | ${ON_MUTATION}`,
        'subscription Subscription.itemAdded ItemsResolver.itemAdded primary write-operation',
        'field Item.double ItemsResolver.double either read-operation',
        'field Item.exact ItemsResolver.exact primary changes-database',
        'message price StockController.price replica rule',
        'message stock StockController.stock primary outside-unit',
        'message {"cmd":"reserve"} StockController.reserve primary changes-database',
        'event sold StockController.sold replica use-slave',
        'gateway hello ChatGateway.hello primary outside-unit',
        'gateway history ChatGateway.history replica use-slave',
        'cron 0 3 * * * ReportsService.nightly primary outside-unit',
        'cron 0 4 * * * ReportsService.digest replica use-slave',
        'interval 60000 ms ReportsService.purge primary outside-unit',
        'timeout 5000 ms ReportsService.warmUp primary outside-unit',
        `job exports ExportsProcessor.process primary outside-unit | ${UNREACHED_METHOD}`,
        'job imports ImportsProcessor.process primary changes-database',
        'job mails MailsProcessor.process primary outside-unit',
        'listener completed MailsProcessor.completed primary outside-unit',
        'listener note.created ReportsService.noted primary outside-unit',
        'method ReportsService.helper replica use-slave',
        `method SearchService either outside-unit | ${UNREACHED_CLASS}`,
        `rule PUT /api/notes routing.rules[5] replica rule | ${UNUSED_RULE}`,
      ]);
    });

    it('says the same each time, in plain objects that a snapshot can have', () => {
      const rows = auditHandlers(site.app);
      expect(auditHandlers(site.app)).toEqual(rows);
      expect(rows[0]).toEqual({
        kind: 'http',
        method: 'POST',
        path: '/api/inner/things',
        handler: 'ThingsController.create',
        intent: 'primary',
        reason: 'changes-database',
        problems: [],
      });
    });

    it('names routes as requests find them, and where these really go', async () => {
      const routes = recordRoutes(site.app);
      for (const { kind, method = '', path = '', handler, intent, reason } of auditHandlers(site.app)) {
        if (kind !== 'http') continue;
        routes.clear();
        const response = await fetch(site.url + path.replace(':id', '1'), {
          method: method === 'ALL' ? 'GET' : method,
        });
        expect({ path, isFound: response.status !== 404 }).toEqual({ path, isFound: true });
        const asked = routes.of(handler);
        for (const route of asked) expect({ path, role: route.role }).toEqual({ path, role: intent });
        if (asked.length > 0) expect(asked.map((route) => route.reason)).toContain(reason);
      }
      routes.stop();
    });

    it('is printed by the script of docs/audit.md', async () => {
      const docs = await readFile(new URL('../../docs/audit.md', import.meta.url), 'utf8');
      const [, script = ''] = /## As a script\n\n```ts\n([^]+?)```/.exec(docs) ?? [];
      expect(script.trim().split('\n').length).toBeLessThanOrEqual(10);
      const body = script.replaceAll(/^import .*$/gm, '');
      const printed: string[] = [];
      const ended = { exitCode: 0 };
      const app = { get: site.app.get.bind(site.app), close: async () => undefined };
      // oxlint-disable-next-line no-new-func
      const run = new Function(
        'auditHandlers, createApp, console, process',
        `return (async () => {${body}})()`,
      ) as (...given: unknown[]) => Promise<void>;
      await run(auditHandlers, async () => app, { log: (line: string) => printed.push(line) }, ended);
      expect(printed).toHaveLength(auditHandlers(site.app).length);
      expect(printed).toContain('http\tGET\t/api/notes\tNotesController.list\treplica\tread-method');
      expect(ended.exitCode).toBe(1);
    });

    it('refuses the name of a cluster that there is not', () => {
      expect(() => auditHandlers(site.app, { cluster: 'other' })).toThrow(/cluster:other/);
    });
  });

  it('knows when operations of GraphQL are not routed by their type', async () => {
    const site = await startSite(
      nodes,
      { rules: [{ path: '/api/graphql', use: 'primary' }] },
      (one) => one !== ReplicatedGraphqlModule,
    );
    try {
      const rows = auditHandlers(site.app).filter(({ kind }) => kind === 'query');
      expect(rows.map(({ reason, problems }) => ({ reason, problems }))).toEqual([
        { reason: 'rule', problems: [] },
        { reason: 'rule', problems: [] },
      ]);
    } finally {
      await site.app.close();
    }
    const unruled = await startSite(nodes, {}, (one) => one !== ReplicatedGraphqlModule);
    try {
      const row = auditHandlers(unruled.app).find(({ kind }) => kind === 'query');
      expect(row).toMatchObject({
        intent: 'primary',
        reason: 'write-method',
        problems: [expect.stringMatching(/^ReplicatedGraphqlModule is not imported/)],
      });
    } finally {
      await unruled.app.close();
    }
  });

  it('lists all handlers of the sample application', async () => {
    const { primary, replicas } = nodes;
    const database = {
      primaryUrl: primary.url,
      replicaUrls: replicas.map(({ url }) => url),
      breakable: [],
      stop: async () => undefined,
    };
    const app = await createApp(database, import.meta.dirname);
    try {
      expect(auditHandlers(app).map(lineOf)).toEqual([
        'http GET / PostsController.home replica read-method',
        'http GET /authors PostsController.authors replica use-slave',
        'http GET /cluster ClusterController.read replica read-method',
        'http POST /cluster/faults ClusterController.applyToOne primary write-method',
        'http GET /cluster/figures ClusterController.readFigures replica read-method',
        'http POST /cluster/replay ClusterController.applyToReplicas primary write-method',
        'http POST /cluster/routing ClusterController.switchRouting primary write-method',
        'http GET /metrics MetricsController.read replica read-method',
        'http POST /posts PostsController.create primary write-method',
        'http GET /posts/:id PostsController.show replica read-method',
        'http POST /posts/:id/comments PostsController.comment primary write-method',
        'http POST /search PostsController.search replica use-slave',
        'http POST /sign-in VisitorsController.signIn primary write-method',
        'http POST /sign-out VisitorsController.signOut primary write-method',
        'http GET /visit VisitorsController.visit primary changes-database',
      ]);
    } finally {
      await app.close();
    }
  });

  describe('cluster.handlers()', () => {
    let site: Site;
    let cluster: ReplicationCluster;
    const start = async (routing: ReplicatedModuleOptions['routing']) => {
      site = await startSite(nodes, routing);
      cluster = site.app.get(ReplicationCluster);
      await waitUntil(async () => cluster.nodes.every(({ state }) => state === 'usable'));
    };
    afterEach(() => site.app.close());

    const ask = async (method: string, path: string) =>
      (await fetch(`${site.url}/${path}`, { method })).status;
    const graphql = (query: string) =>
      fetch(`${site.url}/api/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
    const report = (name: string) => cluster.handlers().find(({ handler }) => handler === name);

    it('names after a crawl in observe mode the GET that writes, and what could read replicas', async () => {
      await start({ mode: 'observe' });
      for (let times = 0; times < 2; times++) {
        for (const { kind, method = '', path = '' } of auditHandlers(site.app))
          if (kind === 'http')
            await ask(method === 'ALL' ? 'GET' : method, path.slice(1).replace(':id', '1'));
        await graphql('{ items { id double } }');
        await graphql('mutation { addItem { id } }');
        await graphql('mutation { wrongly { id } }');
      }
      const advised = cluster.handlers().filter(({ advice }) => advice);
      expect(advised.map(({ handler, advice }) => ({ handler, advice }))).toEqual([
        { handler: 'NotesController.lock', advice: 'changes-database' },
        { handler: 'NotesController.search', advice: 'use-replica' },
        { handler: 'NotesController.visit', advice: 'changes-database' },
      ]);
      expect(report('NotesController.visit')).toEqual({
        handler: 'NotesController.visit',
        intent: 'replica',
        reason: 'read-method',
        queries: { primary: 2, replica: 0 },
        reads: 0,
        writes: 2,
        waits: 0,
        waitedMs: 0,
        refusals: 0,
        advice: 'changes-database',
      });
      expect(report('NotesController.list')).toMatchObject({ reads: 2, writes: 0 });
      expect(report('NotesController.search')).toMatchObject({ reads: 2, writes: 0, intent: 'primary' });
      expect(report('NotesController.create')).toMatchObject({ reads: 0, writes: 2 });
      expect(report('NotesController.seen')).toMatchObject({ reads: 2, writes: 0 });
      expect(report('NotesController.count')).toMatchObject({
        reads: 2,
        writes: 2,
        reason: 'changes-database',
      });
      expect(report('Query.items')).toMatchObject({ reads: 2, intent: 'replica', reason: 'read-operation' });
      expect(report('Item.double')).toMatchObject({ intent: 'replica' });
      expect(report('Mutation.addItem')).toMatchObject({ writes: 2, intent: 'primary' });
      const names = cluster.handlers().map(({ handler }) => handler);
      expect(names).toEqual(names.toSorted());
    });

    it('counts refusals and waits while it routes', async () => {
      await start({});
      expect(await ask('GET', 'api/notes/visit')).toBe(500);
      expect(report('NotesController.visit')).toMatchObject({
        writes: 0,
        refusals: 1,
        advice: 'changes-database',
      });
      await nodes.replicas[0]?.pauseReplay();
      try {
        const written = await fetch(`${site.url}/api/notes`, { method: 'POST' });
        const cookie = written.headers
          .getSetCookie()
          .map((line) => line.split(';')[0])
          .join('; ');
        await fetch(`${site.url}/api/notes`, { headers: { cookie } });
      } finally {
        await nodes.replicas[0]?.resumeReplay();
      }
      expect(report('NotesController.list')).toMatchObject({ queries: { primary: 1, replica: 0 }, waits: 1 });
      expect(report('NotesController.list')?.waitedMs).toBeGreaterThanOrEqual(15);
    });
  });
});

const BOTH =
  '@ChangesDatabase() and @UseSlave() stand on the same target, where the first one wins: remove one.';
const ON_MUTATION =
  '@UseSlave() on a mutation: what it writes is refused. Remove it, or make the mutation a query.';
const UNREACHED_METHOD =
  'The decorator of its class does not reach it, since no other decorator makes it a handler: decorate the method.';
const UNREACHED_CLASS =
  'Its decorator concerns the handlers of a class, and it has none: decorate its methods, or use ConnectionSelector.';
const UNUSED_RULE = 'It matches no route of a handler: correct its path or method, or remove it.';
