import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { startSeededCluster } from '../support/open-app.js';
import { startObservedSite, type ObservedSite } from './observed-site.js';

describe('application_name', () => {
  let nodes: PostgresCluster;
  beforeAll(async () => {
    nodes = await startSeededCluster(1);
  });
  afterAll(() => nodes.stop());

  /** Of the sessions of a server, but for those of replication and of this test. */
  async function namesOn(url: string | undefined): Promise<string[]> {
    const asking = await new DataSource({
      type: 'postgres',
      url: url ?? '',
      applicationName: 'asking',
    }).initialize();
    const rows = await asking.query<{ name: string }[]>(
      `SELECT DISTINCT application_name AS name FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name NOT IN ('asking', 'nestjs-replicated-testing')`,
    );
    await asking.destroy();
    return rows.map(({ name }) => name).toSorted();
  }

  async function use(site: ObservedSite): Promise<void> {
    const client = site.client();
    await waitUntil(async () => site.cluster.nodes.every(({ state }) => state === 'usable'));
    await client('', { method: 'POST' });
    await site.client()();
  }

  it('tells cluster, node and kind of session', async () => {
    const site = await startObservedSite(nodes);
    await use(site);
    expect(await namesOn(nodes.primary.url)).toEqual([
      'nestjs-replicated default/primary/monitor',
      'nestjs-replicated default/primary/writable',
    ]);
    expect(await namesOn(nodes.replicas[0]?.url)).toEqual([
      'nestjs-replicated default/replica-1/monitor',
      'nestjs-replicated default/replica-1/read-only',
    ]);
    await site.app.close();
  });

  it('is what the application says, where it says something', async () => {
    const site = await startObservedSite(nodes, { applicationName: 'shop' } as never);
    await use(site);
    expect(await namesOn(nodes.primary.url)).toEqual(['shop']);
    expect(await namesOn(nodes.replicas[0]?.url)).toEqual(['shop']);
    await site.app.close();
  });
});
