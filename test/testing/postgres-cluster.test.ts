import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import {
  startPostgresCluster,
  waitUntil,
  type PostgresCluster,
  type PostgresNode,
} from 'nestjs-replicated/testing';

describe('a cluster with two replicas', () => {
  let cluster: PostgresCluster;
  let primary: PostgresNode;
  let replica: PostgresNode;
  let other: PostgresNode;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    primary = cluster.primary;
    [replica, other] = cluster.replicas as [PostgresNode, PostgresNode];
    await primary.query('CREATE TABLE note (id int PRIMARY KEY)');
    await cluster.waitForReplication();
  });
  afterAll(() => cluster?.stop());

  const insert = (id: number) => primary.query('INSERT INTO note VALUES ($1)', [id]);
  const has = async (node: PostgresNode, id: number) =>
    (await node.query('SELECT id FROM note WHERE id = $1', [id])).length === 1;

  it('shows a row on both replicas', async () => {
    await insert(1);
    await cluster.waitForReplication();
    expect([await has(replica, 1), await has(other, 1)]).toEqual([true, true]);
  });

  it('hides rows from a replica whose replay is paused, and shows them after it resumes', async () => {
    await replica.pauseReplay();
    await insert(2);
    await cluster.waitForReplication(); // the paused one is not waited for
    expect([await has(replica, 2), await has(other, 2)]).toEqual([false, true]);
    await replica.resumeReplay();
    await cluster.waitForReplication();
    expect(await has(replica, 2)).toBe(true);
  });

  it('shows rows only after the apply delay', async () => {
    await replica.setApplyDelay(300);
    const start = performance.now();
    await insert(3);
    expect(await has(replica, 3)).toBe(false);
    await waitUntil(() => has(replica, 3));
    expect(performance.now() - start).toBeGreaterThan(250);
    await replica.setApplyDelay(0);
    await insert(4);
    await cluster.waitForReplication({ timeoutMs: 2_000 });
  });

  it('is caught up with all that the primary has, so that a standby paused right then lacks nothing', async () => {
    await replica.setApplyDelay(300); // of commits, also of the one that has the log written
    const [now] = await primary.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
    await cluster.waitForReplication();
    const [last] = await replica.query<{ isNewer: boolean }>(
      'SELECT pg_last_xact_replay_timestamp() > $1 AS "isNewer"',
      [now?.at],
    );
    await replica.setApplyDelay(0);
    expect(last?.isNewer).toBe(true);
  });

  it('is caught up while a transaction is open, whose rows are not on disk yet', async () => {
    const client = new Client(primary.url);
    await client.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE draft (id int)');
    await cluster.waitForReplication({ timeoutMs: 5_000 });
    await client.end();
  });

  it('is caught up at a page boundary, where the insert position points behind the last record', async () => {
    await waitUntil(() => endPage(primary), { intervalMs: 0, message: 'the log to end with a page' });
    await cluster.waitForReplication({ timeoutMs: 5_000 });
  });

  it('starts a killed replica again on the same port, and it catches up', async () => {
    const { port, pid } = replica;
    await replica.kill();
    expect([replica.state, replica.pid]).toEqual(['stopped', undefined]);
    await expect(replica.query('SELECT 1')).rejects.toMatchObject({ code: 'ERR_TESTING_NODE_STATE' });
    await insert(5);
    await replica.start();
    await cluster.waitForReplication();
    expect(await has(replica, 5)).toBe(true);
    expect(replica.port).toBe(port);
    expect(replica.pid).not.toBe(pid);
  });

  it('loses nothing when the primary is killed and started again', async () => {
    await insert(6);
    await primary.kill();
    await primary.start();
    await insert(7);
    await cluster.waitForReplication();
    expect([await has(primary, 6), await has(replica, 6), await has(other, 7)]).toEqual([true, true, true]);
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
    const [row] = await added.query<{ count: number }>('SELECT count(*)::int FROM note WHERE id > 1000');
    expect(row?.count).toBe(last - 1_000);
    expect(last).toBeGreaterThan(1_001);
    expect([added.name, cluster.replicas.at(-1) === added, cluster.nodes.length]).toEqual([
      'replica-3',
      true,
      4,
    ]);
    await added.stop();
  });

  it('promotes a replica, which its siblings and the old primary can follow', async () => {
    await primary.stop();
    await replica.promote();
    await other.follow(replica);
    await replica.query('INSERT INTO note VALUES (8)');
    await cluster.waitForReplication();
    expect(await has(other, 8)).toBe(true);
    await primary.follow(replica);
    await primary.start();
    await cluster.waitForReplication();
    expect(await has(primary, 8)).toBe(true);
    await expect(insert(9)).rejects.toMatchObject({ code: '25006' });
  });

  it('rebuilds an old primary that has written what the new one does not have', async () => {
    await primary.stop();
    await other.promote(); // now there are two primaries, on two timelines
    await replica.query('INSERT INTO note VALUES (20)');
    await other.query('INSERT INTO note VALUES (21)');
    await expect(replica.follow(other)).rejects.toMatchObject({ code: 'ERR_TESTING_NODE_STATE' });
    await cluster.rebuild(replica);
    await cluster.waitForReplication();
    expect([await has(replica, 20), await has(replica, 21)]).toEqual([false, true]);
  });

  it('says that nobody accepts writes when all primaries are stopped', async () => {
    await other.stop('immediate');
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

const PAGE_BYTES = 8_192;
const PAGE_HEADER_BYTES = 24;

/** Tries to fill the current page of the log to its last byte. */
async function endPage(node: PostgresNode): Promise<boolean> {
  const emit = (bytes: number) =>
    node.query(`SELECT pg_logical_emit_message(false, 'filler', repeat('x', $1))`, [bytes]);
  const offset = async () => {
    const [row] = await node.query<{ at: string }>(
      `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS at`,
    );
    return Number(row?.at) % PAGE_BYTES;
  };
  const before = await offset();
  await emit(16);
  const after = await offset();
  const overhead = after - before - 16;
  const room = PAGE_BYTES - after - overhead;
  if (overhead < 0 || room < 300) return false; // the page has ended meanwhile, or will too soon
  await emit(room - Math.floor(Math.random() * 16)); // records are padded to 8 bytes
  return (await offset()) === PAGE_HEADER_BYTES;
}
