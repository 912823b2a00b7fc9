import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  startPostgresCluster,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
} from 'nestjs-replicated/testing';

// Docker reserves a container's port for as long as the container lives.
const itAsProcess = process.env['TEST_CLUSTER'] === 'testcontainers' ? it.skip : it;

describe('a node', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let replica: PostgresNode;
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster({
      database: 'my shop',
      role: 'Shop Keeper',
      password: 'p@ss/word',
      settings: { max_connections: 123, 'my.flag': "it's on" },
      log: (line) => lines.push(line),
    });
    primary = cluster.primary;
    replica = cluster.replicas[0] as PostgresNode;
  });
  afterAll(() => cluster?.stop());

  it('lets an ordinary role in that may create tables and is no superuser', async () => {
    const rows = await queryAt(
      primary.url,
      `SELECT current_user AS who, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty,
              current_database() AS place FROM pg_roles WHERE rolname = current_user`,
    );
    expect(rows).toEqual([{ who: 'Shop Keeper', mighty: false, place: 'my shop' }]);
    await queryAt(primary.url, 'CREATE TABLE item (id int)');
    await expect(queryAt(primary.url, 'SELECT pg_reload_conf()')).rejects.toMatchObject({ code: '42501' });
    await cluster.waitForReplication();
    expect(await queryAt(replica.url, 'SELECT * FROM item')).toEqual([]);
  });

  it('checks the password of that role on every node', async () => {
    for (const { url } of cluster.nodes) {
      await expect(queryAt(url.replace('p%40ss', 'guess'), 'SELECT 1')).rejects.toMatchObject({
        code: '28P01',
      });
    }
  });

  it('has the settings of the cluster, and can change them while it runs', async () => {
    const [row] = await replica.query(
      `SELECT current_setting('max_connections') AS a, current_setting('my.flag') AS b`,
    );
    expect(row).toEqual({ a: '123', b: "it's on" });
    await replica.set({ work_mem: '7MB', 'my.flag': false });
    expect(await queryAt(replica.url, `SELECT current_setting('work_mem') AS a`)).toEqual([{ a: '7MB' }]);
    await replica.restart();
    expect(await replica.query(`SELECT current_setting('my.flag') AS a`)).toEqual([{ a: 'false' }]);
  });

  itAsProcess(
    'starts, also again after it was killed, with a setting that keeps its log silent',
    async () => {
      const settings = { log_min_messages: 'fatal' };
      const silent = await startPostgresCluster({ settings, timeoutMs: 20_000 });
      try {
        for (const node of silent.nodes) {
          await node.kill();
          await node.start();
          expect(await node.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
        }
      } finally {
        await silent.stop();
      }
    },
  );

  it('refuses names of settings that would be something else', async () => {
    await expect(replica.set({ 'work_mem = 1; --': 1 })).rejects.toMatchObject({
      code: 'ERR_TESTING_BAD_OPTION',
    });
  });

  it('passes parameters, and what the server says about an error', async () => {
    expect(await primary.query('SELECT $1::int + 1 AS sum', [2])).toEqual([{ sum: 3 }]);
    await expect(primary.query('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '42P01' });
    await waitUntil(() => /relation "nowhere" does not exist/.test(primary.log));
  });

  it('leaves connections hanging while it is frozen, and answers when it is thawed', async () => {
    const client = new Client(replica.url);
    await client.connect();
    await replica.freeze();
    let isAnswered = false;
    const answer = client.query('SELECT 1').then(() => (isAnswered = true));
    const refused = new Client({ connectionString: replica.url, connectionTimeoutMillis: 100 });
    await expect(refused.connect()).rejects.toThrow(/timeout/);
    expect([replica.state, isAnswered]).toEqual(['frozen', false]);
    await expect(replica.query('SELECT 1')).rejects.toThrow(/replica-1 is frozen.*thaw\(\) it first/);
    await cluster.waitForReplication(); // a frozen node is not waited for
    await replica.thaw();
    await answer;
    await client.end();
    expect(replica.state).toBe('running');
  });

  it('can be stopped, killed and restarted while it is frozen', async () => {
    await replica.freeze();
    await replica.stop();
    await replica.start();
    await replica.freeze();
    await replica.kill();
    await replica.start();
    expect(await replica.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('knows when its server ended by itself', async () => {
    process.kill(replica.pid as number, 'SIGINT');
    await waitUntil(() => replica.state === 'stopped');
    await replica.stop();
    await replica.kill();
    await replica.start();
  });

  it('waits for clients in mode "smart", and not for the connections of query()', async () => {
    await replica.query('SELECT 1');
    const client = new Client(replica.url);
    await client.connect();
    const stopping = replica.stop('smart');
    const refused = () =>
      queryAt(replica.url, 'SELECT 1').catch(({ code }: { code: string }) => code === '57P03');
    await waitUntil(async () => (await refused()) === true);
    expect(replica.state).toBe('running');
    await client.end();
    await stopping;
    await replica.start();
  });

  itAsProcess('says so when another process has taken its port, with the log of the server', async () => {
    await replica.stop();
    const thief = createServer().listen(replica.port, '127.0.0.1');
    await once(thief, 'listening');
    const failure = replica.start();
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_PORT_TAKEN' });
    await expect(failure).rejects.toThrow(/Address already in use/);
    thief.close();
    await replica.start();
  });

  itAsProcess('takes another port for its first start when somebody is faster', async () => {
    await replica.stop();
    const thief = createServer().listen(0, '127.0.0.1');
    await once(thief, 'listening');
    const taken = (thief.address() as AddressInfo).port;
    const choices = [taken, taken, replica.port];
    await replica.startOnFreePort(async () => choices.shift() ?? 0);
    expect([choices.length, replica.state, replica.port === taken]).toEqual([0, 'running', false]);
    thief.close();
  });

  it('puts a proxy in front of itself, which the replica can use, too', async () => {
    const proxy = await primary.proxy();
    expect(await queryAt(proxy.through(primary.url), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await replica.follow(proxy);
    await primary.query('CREATE TABLE through_proxy ()');
    await cluster.waitForReplication();
    proxy.stall();
    await primary.query('CREATE TABLE stalled ()');
    await expect(cluster.waitForReplication({ timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'ERR_TESTING_TIMEOUT',
      message: expect.stringContaining('replica-1 still behind'),
    });
    proxy.resume();
    await cluster.waitForReplication();
  });

  it('reports each step of the start', () => {
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['PostgreSQL', 'primary', 'replica-1']);
  });
});

async function queryAt(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
