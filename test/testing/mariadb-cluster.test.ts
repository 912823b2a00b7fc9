import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import {
  startMariadbCluster,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
} from 'nestjs-replicated/testing';
import { describeMariadb } from '../support/mariadb-server.js';

describeMariadb('a MariaDB cluster with two replicas', () => {
  let cluster: MariadbCluster;
  let primary: MariadbNode;
  let replica: MariadbNode;
  let other: MariadbNode;

  beforeAll(async () => {
    cluster = await startMariadbCluster({ replicas: 2 });
    primary = cluster.primary;
    [replica, other] = cluster.replicas as [MariadbNode, MariadbNode];
    await primary.query('CREATE TABLE note (id int PRIMARY KEY)');
    await cluster.waitForReplication();
  });
  afterAll(() => cluster?.stop());

  const insert = (id: number) => primary.query('INSERT INTO note VALUES (?)', [id]);
  const has = async (node: MariadbNode, id: number) =>
    (await node.query('SELECT id FROM note WHERE id = ?', [id])).length === 1;

  it('shows a row on both replicas', async () => {
    await insert(1);
    await cluster.waitForReplication();
    expect([await has(replica, 1), await has(other, 1)]).toEqual([true, true]);
  });

  it('has no temporary table of one server removed by another one that starts', async () => {
    const folders = await Promise.all(cluster.nodes.map((node) => node.query('SELECT @@tmpdir AS folder')));
    expect(new Set(folders.map(([row]) => row?.['folder'])).size).toBe(3);
  });

  it('hides rows from a replica whose replay is paused, and shows them after it resumes', async () => {
    await replica.pauseReplay();
    await insert(2);
    await cluster.waitForReplication(); // the paused one is not waited for
    expect([await has(replica, 2), await has(other, 2)]).toEqual([false, true]);
    await replica.resumeReplay();
    await replica.resumeReplay();
    await cluster.waitForReplication();
    expect(await has(replica, 2)).toBe(true);
  });

  it('names a replica that receives nothing when its time is over', async () => {
    await replica.pauseStreaming();
    await insert(3);
    await expect(cluster.waitForReplication({ timeoutMs: 300 })).rejects.toThrow(/replica-1 still behind/);
    await replica.resumeStreaming();
    await cluster.waitForReplication();
  });

  it('shows rows only after the apply delay, also after a restart, and while it is paused not at all', async () => {
    await replica.setApplyDelay(300);
    const delayed = async (id: number) => {
      const start = performance.now();
      await insert(id);
      expect(await has(replica, id)).toBe(false);
      await waitUntil(() => has(replica, id));
      return performance.now() - start;
    };
    expect(await delayed(10)).toBeGreaterThan(250);
    await replica.restart();
    expect(await delayed(11)).toBeGreaterThan(250);
    await replica.pauseReplay();
    await replica.setApplyDelay(0);
    await insert(12);
    await cluster.waitForReplication();
    expect(await has(replica, 12)).toBe(false);
    await replica.resumeReplay();
    await cluster.waitForReplication({ timeoutMs: 2_000 });
  });

  it('tells positions as GTIDs, which a replica can be waited for to reach', async () => {
    const before = await primary.position();
    await insert(15);
    const position = await primary.position();
    const [, , sequence] = before.split('-');
    expect(position).toBe(`0-1-${Number(sequence) + 1}`);
    await replica.waitForPosition(position);
    expect([await replica.position(), await has(replica, 15)]).toEqual([position, true]);
    await expect(replica.waitForPosition('0-1-1000000', { timeoutMs: 100 })).rejects.toThrow(
      /replica-1 to reach 0-1-1000000/,
    );
  });

  it('starts a killed replica again on the same port, and it catches up', async () => {
    const { port, pid } = replica;
    await replica.kill();
    expect([replica.state, replica.pid]).toEqual(['stopped', undefined]);
    await expect(replica.query('SELECT 1')).rejects.toMatchObject({ code: 'ERR_TESTING_NODE_STATE' });
    await insert(20);
    await replica.start();
    await cluster.waitForReplication();
    expect(await has(replica, 20)).toBe(true);
    expect(replica.port).toBe(port);
    expect(replica.pid).not.toBe(pid);
  });

  it('loses nothing when the primary is killed and started again', async () => {
    await insert(21);
    await primary.kill();
    await primary.start();
    await insert(22);
    await cluster.waitForReplication();
    expect([await has(primary, 21), await has(replica, 21), await has(other, 22)]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('names what a replica has stumbled on', async () => {
    const session = await createConnection(replica.superuserUrl);
    await session.query('SET sql_log_bin = 0');
    await session.query('INSERT INTO note VALUES (30)');
    await insert(30);
    await expect(cluster.waitForReplication({ timeoutMs: 2_000 })).rejects.toThrow(
      /replica-1 \(.*Duplicate entry '30'.*\) still behind/s,
    );
    await session.query('DELETE FROM note WHERE id = 30');
    await session.end();
    await replica.resumeReplay();
    await cluster.waitForReplication();
  });

  it('shows committed rows on a replica that is added while the primary is written to', async () => {
    const enough = new AbortController();
    let last = 1_000;
    const writer = (async () => {
      while (!enough.signal.aborted) await insert(++last);
    })();
    const added = await cluster.addReplica();
    enough.abort();
    await writer;
    await cluster.waitForReplication();
    const [row] = await added.query<{ count: number }>('SELECT COUNT(*) AS count FROM note WHERE id > 1000');
    expect([added.name, row?.count, cluster.replicas.length]).toEqual(['replica-3', last - 1_000, 3]);
    await added.stop();
  });

  it('promotes a replica with all that it has received, which its siblings and the old primary can follow', async () => {
    await replica.pauseReplay();
    await insert(40);
    const received = await primary.position();
    await waitUntil(async () => {
      const [status] = await replica.query<{ Gtid_IO_Pos: string }>('SHOW SLAVE STATUS');
      return status?.Gtid_IO_Pos === received;
    });
    await primary.stop();
    await replica.promote();
    expect([await replica.position(), await has(replica, 40)]).toEqual([received, true]);
    await other.follow(replica);
    await replica.query('INSERT INTO note VALUES (41)');
    await cluster.waitForReplication();
    expect(await has(other, 41)).toBe(true);
    await primary.follow(replica);
    await primary.start();
    await cluster.waitForReplication();
    expect(await has(primary, 41)).toBe(true);
    await expect(queryAt(primary.url, 'INSERT INTO note VALUES (42)')).rejects.toMatchObject({ errno: 1290 });
  });

  it('stays what it became over restarts', async () => {
    await Promise.all([replica.restart(), primary.restart()]);
    await queryAt(replica.url, 'INSERT INTO note VALUES (43)');
    await cluster.waitForReplication();
    await expect(queryAt(primary.url, 'INSERT INTO note VALUES (44)')).rejects.toMatchObject({ errno: 1290 });
  });

  it('switches over while sessions stay: a running primary becomes a replica', async () => {
    const session = await createConnection(replica.url);
    await other.waitForPosition(await replica.position());
    await other.promote();
    await replica.follow(other);
    await primary.follow(other);
    await expect(session.query('INSERT INTO note VALUES (50)')).rejects.toMatchObject({ errno: 1290 });
    await session.end();
    await queryAt(other.url, 'INSERT INTO note VALUES (50)');
    await cluster.waitForReplication();
    expect([await has(primary, 50), await has(replica, 50)]).toEqual([true, true]);
  });

  it('rebuilds an old primary that has written what the new one does not have', async () => {
    await primary.promote(); // now there are two primaries, and the same numbers for different transactions
    await replica.follow(primary);
    await other.query('INSERT INTO note VALUES (60)');
    await primary.query('INSERT INTO note VALUES (61)');
    await cluster.waitForReplication();
    await cluster.rebuild(other);
    await cluster.waitForReplication();
    expect([await has(other, 1), await has(other, 60), await has(other, 61)]).toEqual([true, false, true]);
  });

  it('says that no node accepts writes when all primaries are stopped', async () => {
    await primary.stop('immediate');
    await expect(cluster.waitForReplication()).rejects.toThrow(
      /No running node accepts writes \(primary stopped/,
    );
  });

  it('can be stopped twice, and then has no processes', async () => {
    await Promise.all([cluster.stop(), cluster.stop()]);
    await cluster.stop();
    expect(cluster.nodes.map((node) => node.state)).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  });
});

async function queryAt(url: string, sql: string): Promise<unknown> {
  const connection = await createConnection(url);
  try {
    return (await connection.query(sql))[0];
  } finally {
    await connection.end();
  }
}
