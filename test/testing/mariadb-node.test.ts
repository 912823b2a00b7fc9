import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  replicaFaults,
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
} from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { describeMariadb } from '../support/mariadb-server.js';

describeMariadb('a MariaDB node', () => {
  let cluster: MariadbCluster;
  let primary: MariadbNode;
  let replica: MariadbNode;
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await startMariadbCluster({
      database: 'my_shop',
      role: "Shop 'Keeper",
      password: `p@ss/w'o\\rd`,
      settings: { max_connections: 123, 'init-connect': `SET @flag = "it's on"`, wait_timeout: 77 },
      log: (line) => lines.push(line),
    });
    primary = cluster.primary;
    replica = cluster.replicas[0] as MariadbNode;
  });
  afterAll(() => cluster?.stop());

  it('lets an ordinary role in that may do everything in its database, and nothing outside of it', async () => {
    const rows = await queryAt(
      primary.url,
      'SELECT CURRENT_USER() AS who, DATABASE() AS place, @@read_only AS isReplica',
    );
    expect(rows).toEqual([{ who: `Shop 'Keeper@%`, place: 'my_shop', isReplica: 0 }]);
    await queryAt(primary.url, 'CREATE TABLE item (id int)');
    for (const mighty of ['SET GLOBAL read_only = 0', 'CREATE DATABASE myxshop', 'SHOW REPLICA STATUS']) {
      await expect(queryAt(primary.url, mighty)).rejects.toThrow(/denied/);
    }
    await cluster.waitForReplication();
    expect(await queryAt(replica.url, 'SELECT * FROM item')).toEqual([]);
  });

  it('checks the password of that role on every node', async () => {
    for (const { url } of cluster.nodes) {
      await expect(queryAt(url.replace('p%40ss', 'guess'), 'SELECT 1')).rejects.toMatchObject({
        errno: 1045,
      });
    }
  });

  it.each(['mysql', 'mariadb'] as const)('gives TypeORM what its type %s needs', async (type) => {
    const { host, port, user, password, database } = replica;
    const dataSource = new DataSource({
      type,
      host,
      port,
      username: user,
      password: password ?? '',
      database,
    });
    await dataSource.initialize();
    expect(await dataSource.query('SELECT DATABASE() AS place')).toEqual([{ place: 'my_shop' }]);
    await dataSource.destroy();
  });

  it('refuses writes of that role on a replica, unless told otherwise', async () => {
    await expect(queryAt(replica.url, 'INSERT INTO item VALUES (1)')).rejects.toMatchObject({ errno: 1290 });
    await using loose = await startMariadbCluster({ readOnly: false });
    await queryAt((loose.replicas[0] as MariadbNode).url, 'CREATE TABLE own (id int)');
  });

  it('has the settings of the cluster, and can change them while it runs', async () => {
    const show = 'SELECT @@max_connections AS a, @@wait_timeout AS b, @flag AS c';
    expect(await queryAt(replica.url, show)).toEqual([{ a: 123, b: 77, c: "it's on" }]);
    await replica.set({ wait_timeout: 66, max_allowed_packet: '2M', default_time_zone: '+05:00' });
    await replica.set({ skip_name_resolve: true }); // read at the start only
    const changed = 'SELECT @@wait_timeout AS a, @@GLOBAL.max_allowed_packet AS b, @@time_zone AS c';
    const expected = [{ a: 66, b: 2 ** 21, c: '+05:00' }];
    expect(await queryAt(replica.url, changed)).toEqual(expected);
    await replica.restart();
    expect(await queryAt(replica.url, changed)).toEqual(expected);
    expect(await queryAt(primary.url, changed)).toMatchObject([{ a: 77, c: '+00:00' }]);
  });

  it('refuses settings that are none, before it writes them down', async () => {
    await expect(replica.set({ 'wait_timeout = 1; --': 1 })).rejects.toMatchObject({
      code: 'ERR_TESTING_BAD_OPTION',
    });
    await expect(replica.set({ work_mem: 1 })).rejects.toThrow(/Unknown system variable 'work_mem'/);
    await replica.restart();
  });

  it('passes parameters, and what the server says about an error', async () => {
    expect(await primary.query('SELECT ? + 1 AS sum', [2])).toEqual([{ sum: 3 }]);
    await expect(primary.query('SELECT * FROM nowhere')).rejects.toMatchObject({ errno: 1146 });
    expect(primary.log).toMatch(/ready for connections/);
  });

  it('waits at COMMIT for a replica when replication is synchronous', async () => {
    await using pair = await startMariadbCluster({
      sync: true,
      settings: { rpl_semi_sync_master_timeout: 60_000 },
    });
    const [follower] = pair.replicas as [MariadbNode];
    await follower.freeze();
    const create = pair.primary.query('CREATE TABLE waiting (id int)').then(() => 'done');
    const seen = () => pair.primary.query(`SHOW STATUS LIKE 'Rpl_semi_sync_master_wait_sessions'`);
    await waitUntil(async () => (await seen())[0]?.['Value'] === '1');
    await follower.thaw();
    expect(await create).toBe('done');
  });

  it('leaves connections hanging while it is frozen, and answers when it is thawed', async () => {
    const session = await createConnection(replica.url);
    await replica.freeze();
    let isAnswered = false;
    const answer = session.query('SELECT 1').then(() => (isAnswered = true));
    await expect(createConnection({ uri: replica.url, connectTimeout: 100 })).rejects.toThrow(/ETIMEDOUT/);
    expect([replica.state, isAnswered]).toEqual(['frozen', false]);
    await expect(replica.query('SELECT 1')).rejects.toThrow(/replica-1 is frozen.*thaw\(\) it first/);
    await cluster.waitForReplication(); // a frozen node is not waited for
    await replica.thaw();
    await answer;
    await session.end();
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
    process.kill(replica.pid as number, 'SIGTERM');
    await waitUntil(() => replica.state === 'stopped');
    await replica.stop();
    await replica.kill();
    await replica.start();
  });

  it('says so when another process has taken its port, with the log of the server', async () => {
    await replica.stop();
    const thief = createServer().listen(replica.port, '127.0.0.1');
    await once(thief, 'listening');
    const failure = replica.start();
    await expect(failure).rejects.toMatchObject({ code: 'ERR_TESTING_PORT_TAKEN' });
    await expect(failure).rejects.toThrow(/Address already in use/);
    thief.close();
    await replica.start();
  });

  it('takes another port for its first start when another process is faster', async () => {
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
    await primary.query('CREATE TABLE through_proxy (id int)');
    await cluster.waitForReplication();
    proxy.stall();
    await primary.query('CREATE TABLE stalled (id int)');
    await expect(cluster.waitForReplication({ timeoutMs: 500 })).rejects.toMatchObject({
      code: 'ERR_TESTING_TIMEOUT',
      message: expect.stringContaining('replica-1 still behind'),
    });
    proxy.resume();
    await cluster.waitForReplication();
    await replica.follow(primary);
  });

  it('has what can go wrong in a history check, and catches up after each of it', async () => {
    const sibling = await cluster.addReplica();
    for (const fault of replicaFaults(cluster)) {
      await fault.inject();
      await primary.query('INSERT INTO item VALUES (7)');
      await fault.heal();
      await cluster.waitForReplication();
    }
    const counts = await Promise.all(
      [primary, replica, sibling].map((node) =>
        node.query('SELECT COUNT(*) AS rows_ FROM item WHERE id = 7'),
      ),
    );
    expect(counts).toEqual([[{ rows_: 12 }], [{ rows_: 12 }], [{ rows_: 12 }]]);
  });

  it('promotes a replica of a primary that does not answer', async () => {
    await primary.freeze();
    await replica.promote();
    await queryAt(replica.url, 'INSERT INTO item VALUES (8)');
    await expect(replica.promote()).rejects.toThrow(/promote: replica-1 is no replica/);
  });

  it('reports each step of the start', () => {
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['MariaDB', 'primary', 'replica-1']);
  });
});

async function queryAt(uri: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(uri);
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : [];
  } finally {
    await connection.end();
  }
}
