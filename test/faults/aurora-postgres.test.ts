import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgresCluster, waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { SILENT } from '../support/open-app.js';
import { FaultApp } from './fault-app.js';

/** What Aurora says of its instances: here, their ports. */
const FUNCTIONS = [
  'CREATE TABLE told (lag_ms float8)',
  'INSERT INTO told VALUES (40)',
  `CREATE FUNCTION aurora_version() RETURNS text LANGUAGE sql AS $$ SELECT '16.4.0' $$`,
  `CREATE FUNCTION aurora_db_instance_identifier() RETURNS text LANGUAGE sql AS $$ SELECT inet_server_port()::text $$`,
  `CREATE FUNCTION aurora_replica_status() RETURNS TABLE (server_id text, session_id text, replica_lag_in_msec float8)
   LANGUAGE sql AS $$ SELECT inet_server_port()::text,
   CASE WHEN pg_is_in_recovery() THEN 'a-session' ELSE 'MASTER_SESSION_ID' END, lag_ms FROM told $$`,
  'GRANT SELECT ON told TO PUBLIC',
];

describe('a server that says it is Aurora PostgreSQL', () => {
  let cluster: PostgresCluster;
  let app: FaultApp;
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 1 });
    for (const sql of FUNCTIONS) await cluster.primary.query(sql);
    await cluster.waitForReplication();
    app = await FaultApp.start(
      {
        synchronize: true,
        primary: { url: cluster.primary.url },
        replicas: cluster.replicas.map(({ url }) => ({ url })),
        consistency: { pinMs: 100 },
      },
      { ...SILENT, warn: (line: string) => void lines.push(line) },
    );
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  it('is announced, once per node, and has no positions', () => {
    const announced = lines.filter((line) => line.includes('Aurora PostgreSQL'));
    expect(announced.map((line) => line.split(':')[0])).toEqual(['"primary"', '"replica-1"']);
    expect(app.cluster.nodes.map(({ position }) => position)).toEqual([undefined, undefined]);
  });

  it('serves reads, and is as late as it says', async () => {
    await waitUntil(async () => (await app.readOn()) === 'replica-1');
    expect(app.cluster.nodes[1]?.lagMs).toBe(40);
    await cluster.primary.query('UPDATE told SET lag_ms = 20000');
    await app.timeUntil('replica-1', 'lagging');
    await cluster.primary.query('UPDATE told SET lag_ms = 40');
    await app.timeUntil('replica-1', 'usable');
  });

  it('lets a client find its own write: on the primary, until the told lag proves that the reader has it', async () => {
    await cluster.primary.query('UPDATE told SET lag_ms = 9000');
    await waitUntil(() => app.cluster.nodes[1]?.lagMs === 9_000);
    const token = await app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.query(`INSERT INTO note (text) VALUES ('mine')`);
      return app.selector.token();
    });
    const writtenAtMs = performance.now();
    const readOn = (): Promise<string | undefined> =>
      app.selector.run({ intent: 'replica', token }, async () => {
        await app.dataSource.query('SELECT 1');
        return app.selector.route?.node;
      });
    while (performance.now() < writtenAtMs + 1_500) expect(await readOn()).toBe('primary');
    await cluster.primary.query('UPDATE told SET lag_ms = 40');
    await waitUntil(async () => (await readOn()) === 'replica-1', { timeoutMs: 8_000 });
  });

  it('has no lag that anybody knows where it tells none', async () => {
    await cluster.primary.query('UPDATE told SET lag_ms = NULL');
    await waitUntil(() => app.cluster.nodes[1]?.lagMs === undefined);
    expect(app.stateOf('replica-1')).toBe('usable');
  });
});
