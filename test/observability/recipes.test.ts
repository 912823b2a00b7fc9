import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { ConnectionSelector } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { LoggerModule } from 'nestjs-pino';
import { Registry } from 'prom-client';
import { isPostgres } from '../support/database.js';
import { exposeReplication } from '../../sample-app/cluster/expose-replication.js';
import { ServerTiming } from '../../sample-app/cluster/server-timing.js';
import { PLATFORMS, startSeededCluster } from '../support/open-app.js';
import { startObservedSite, type ObservedSite } from './observed-site.js';

describe('recipes of docs/observability.md', () => {
  let nodes: PostgresCluster;
  let site: ObservedSite | undefined;
  beforeAll(async () => {
    nodes = await startSeededCluster(1);
  });
  afterAll(() => nodes.stop());
  afterEach(async () => {
    await site?.app.close();
    for (const replica of nodes.replicas) await replica.resumeReplay();
    await nodes.waitForReplication();
  });

  it.each(['expose-replication', 'server-timing'])('shows %s.ts as it is tested', async (name) => {
    const docs = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8');
    const code = await readFile(new URL(`../../sample-app/cluster/${name}.ts`, import.meta.url), 'utf8');
    expect(docs).toContain(`\`\`\`ts\n${code}\`\`\``);
  });

  it('prom-client has every metric of the cluster, and the waits', async () => {
    site = await startObservedSite(nodes);
    const registry = new Registry();
    exposeReplication(site.cluster, registry);
    const client = site.client();
    await client();
    await nodes.replicas[0]?.pauseReplay();
    await client('', { method: 'POST' });
    await client();
    const text = await registry.metrics();
    for (const { name, kind } of site.cluster.metrics({ pools: true })) {
      if (!isPostgres && name.endsWith('.lag.bytes')) continue; // of which there are no values
      const plain = `${name.replaceAll('.', '_')}${kind === 'counter' ? '_total' : ''}`;
      expect(text).toMatch(new RegExp(`^${plain}\\{cluster="default".*\\} [\\d.e+-]+$`, 'm'));
    }
    expect(text).toMatch(
      /^nestjs_replicated_wait_duration_count\{cluster="default",outcome="primary"\} [1-9]/m,
    );
    expect(text).toMatch(/^nestjs_replicated_fallback_wait_duration_count\{cluster="default"\} [1-9]/m);
    expect(text).toMatch(
      /^nestjs_replicated_routes_total\{cluster="default",role="replica",node="replica-1",reason="read-method"\} 1$/m,
    );
    // A second scrape adds nothing to what has not changed.
    expect((await registry.metrics()).match(/^nestjs_replicated_routes_total.*/gm)).toEqual(
      text.match(/^nestjs_replicated_routes_total.*/gm),
    );
  });

  // nestjs-pino keeps the logger of the first application of a process.
  const lines: { req?: { url: string }; replication?: unknown }[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as (typeof lines)[number]);
      done();
    },
  });
  it.each(PLATFORMS)(
    'an access log has the summary of each request ($platform)',
    async ({ createAdapter }) => {
      lines.length = 0;
      const logging = LoggerModule.forRootAsync({
        useFactory: () => ({
          pinoHttp: {
            stream,
            customProps: () => ({ replication: site?.app.get(ConnectionSelector).summary }),
          },
          forRoutes: ['*path'],
        }),
      });
      site = await startObservedSite(nodes, {}, { imports: [logging], createAdapter });
      await site.client()('/summary');
      const finished = () => lines.find((line) => 'responseTime' in line);
      await waitUntil(async () => finished() !== undefined);
      expect(finished()).toMatchObject({
        req: { url: '/notes/summary' },
        replication: { queries: { primary: 1, replica: 2 }, waitedMs: 0, retries: 0 },
      });
    },
  );

  it.each(PLATFORMS)('a response has its summary as Server-Timing ($platform)', async ({ createAdapter }) => {
    site = await startObservedSite(
      nodes,
      {},
      {
        createAdapter,
        configure: (app) => app.useGlobalInterceptors(new ServerTiming(app.get(ConnectionSelector))),
      },
    );
    const response = await site.client()('/summary');
    expect(response.headers.get('server-timing')).toBe('replication;dur=0;desc="primary 1, replica 2"');
  });
});
