import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import {
  startMariadbCluster,
  startTcpProxy,
  waitUntil,
  type MariadbCluster,
  type MariadbNode,
} from 'nestjs-replicated/testing';
import { UseSlave } from 'nestjs-replicated';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import { Load, messagesOf } from '../faults/load.js';
import { MYSQL_TYPE as type } from '../support/database.js';
import { describeMariadb } from '../support/mariadb-server.js';

/** A handler that reads. */
class Reader {
  @UseSlave({ ownWrites: true })
  read<T>(fn: () => T): T {
    return fn();
  }
}

describeMariadb(`what users of MariaDB run into, as type ${type}`, () => {
  let servers: MariadbCluster;
  let primary: MariadbNode;
  let a: MariadbNode;
  let b: MariadbNode;
  let app: FaultApp | undefined;

  beforeAll(async () => {
    servers = await startMariadbCluster({ replicas: 2 });
    primary = servers.primary;
    [a, b] = servers.replicas as [MariadbNode, MariadbNode];
    const schema = await start();
    await schema.write('seed');
    await schema.close();
    await servers.waitForReplication();
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(() => servers?.stop());

  const start = async (options: Partial<Parameters<typeof FaultApp.start>[0]> = {}): Promise<FaultApp> =>
    (app = await FaultApp.start({
      type,
      synchronize: true,
      primary: { url: primary.url },
      replicas: servers.replicas.map(({ url }) => ({ url })),
      ...options,
    }));

  const paused = async <T>(fn: () => Promise<T>): Promise<T> => {
    await Promise.all([a.pauseReplay(), b.pauseReplay()]);
    try {
      return await fn();
    } finally {
      await Promise.all([a.resumeReplay(), b.resumeReplay()]);
      await servers.waitForReplication();
    }
  };

  /** Runs as a POST, and answers the client's token. */
  const post = async (fn: (app: FaultApp) => Promise<unknown>): Promise<string | undefined> => {
    const { selector } = app as FaultApp;
    return selector.run({ intent: 'primary' }, async () => {
      await fn(app as FaultApp).catch(() => undefined);
      return selector.token();
    });
  };
  const found = (text: string, token: string | undefined): Promise<number> => {
    const { selector, dataSource } = app as FaultApp;
    return selector.run({ intent: 'replica', token }, () => dataSource.getRepository(Note).countBy({ text }));
  };

  it.each<[string, (app: FaultApp, text: string) => Promise<unknown>]>([
    ['insert()', ({ dataSource }, text) => dataSource.getRepository(Note).insert({ text })],
    ['save()', ({ dataSource }, text) => dataSource.getRepository(Note).save({ text })],
    ['query()', ({ dataSource }, text) => dataSource.query('INSERT INTO note (text) VALUES (?)', [text])],
    [
      'RETURNING',
      ({ dataSource }, text) => dataSource.query('INSERT INTO note (text) VALUES (?) RETURNING id', [text]),
    ],
    [
      'a transaction',
      ({ dataSource }, text) => dataSource.transaction((m) => m.getRepository(Note).insert({ text })),
    ],
    [
      'a rollback of what DDL has committed',
      ({ dataSource }, text) =>
        dataSource.transaction(async (m) => {
          await m.insert(Note, { text });
          await m.query('CREATE TABLE IF NOT EXISTS audit_log (id int)');
          throw new Error('after the DDL');
        }),
    ],
    [
      'a runner',
      async ({ dataSource }, text) => {
        const runner = dataSource.createQueryRunner();
        try {
          await runner.query('BEGIN');
          await runner.query('INSERT INTO note (text) VALUES (?)', [text]);
          await runner.query('COMMIT AND CHAIN');
          await runner.query('ROLLBACK');
        } finally {
          await runner.release();
        }
      },
    ],
    [
      'a stream',
      async ({ dataSource }, text) => {
        const runner = dataSource.createQueryRunner();
        try {
          const rows = await runner.stream(`INSERT INTO note (text) VALUES ('${text}') RETURNING id`);
          for await (const row of rows) expect(row).toBeDefined();
        } finally {
          await runner.release();
        }
      },
    ],
  ])('a client finds what it wrote by %s, on paused replicas', async (how, write) => {
    const running = await start();
    await running.allServe();
    const text = `by ${how} ${type}`;
    await paused(async () => {
      const token = await post((one) => write(one, text));
      expect(token).toBeDefined();
      expect(await found(text, token)).toBe(1);
      expect(running.selector.route).toBeUndefined();
    });
  });

  it('a client told of a duplicate finds the row', async () => {
    const running = await start();
    await running.allServe();
    const { dataSource } = running;
    await dataSource.query('CREATE TABLE IF NOT EXISTS unique_key (id int PRIMARY KEY)');
    await servers.waitForReplication();
    await paused(async () => {
      await dataSource.query('INSERT INTO unique_key VALUES (1)');
      const tokens = await Promise.all([
        post((one) => one.dataSource.query('INSERT INTO unique_key VALUES (1)')),
        post((one) => one.dataSource.query('INSERT IGNORE INTO unique_key VALUES (1)')),
      ]);
      for (const token of tokens) {
        const rows = running.selector.run({ intent: 'replica', token: token as string }, () =>
          dataSource.query('SELECT id FROM unique_key'),
        );
        await expect(rows).resolves.toEqual([{ id: 1 }]);
      }
    });
    await dataSource.query('DROP TABLE unique_key');
    await servers.waitForReplication();
  });

  it('a POST that only reads, or rolls back, leaves no token', async () => {
    await start();
    expect(await post(({ read }) => read())).toBeUndefined();
    expect(
      await post(({ dataSource }) =>
        dataSource.transaction(async (m) => {
          await m.insert(Note, { text: 'undone' });
          throw new Error('undo');
        }),
      ),
    ).toBeUndefined();
  });

  it('a client sees what it wrote on sessions of a demoted primary', async () => {
    const other = await startMariadbCluster({ replicas: 1 });
    const [next] = other.replicas as [MariadbNode];
    const proxy = await startTcpProxy(other.primary);
    try {
      const nodes = { primary: { url: proxy.through(other.primary.url) }, replicas: [{ url: next.url }] };
      await (await start(nodes)).close();
      await other.waitForReplication();
      // No probe comes between demotion and promotion.
      const monitor = { intervalMs: 30_000, timeoutMs: 1_000, maxLagMs: 50_000 };
      const running = await start({ ...nodes, synchronize: false, monitor });
      await running.allServe();
      await Promise.all(Array.from({ length: 5 }, () => running.write('warm')));
      await other.primary.query('SET GLOBAL read_only = 1');
      await next.promote();
      proxy.retarget(next);
      const failures: unknown[] = [];
      let token: string | undefined;
      for (let number = 0; number < 20; number++)
        token = await running.selector.run({ intent: 'primary' }, async () => {
          await running.dataSource
            .getRepository(Note)
            .insert({ text: `demoted ${number}` })
            .catch((error: unknown) => failures.push(String(error)));
          return running.selector.token();
        });
      expect({ failures: failures.slice(1) }).toEqual({ failures: [] });
      expect(await found('demoted 19', token)).toBe(1);
    } finally {
      await app?.close();
      app = undefined;
      await proxy.close();
      await other.stop();
    }
  });

  it('a client sees its own write in spite of sessions with an old snapshot', async () => {
    const running = await start({ poolSize: 1, replicas: [{ url: a.url }] } as never);
    await running.allServe();
    for (const opening of ['SET autocommit=0', 'BEGIN']) {
      await running.selector.run({ intent: 'replica' }, async () => {
        const runner = running.dataSource.createQueryRunner();
        await runner.query(opening);
        await runner.query('SELECT * FROM note');
        await runner.release();
      });
      const token = await post((one) => one.write(`snapshot ${opening}`));
      await servers.waitForReplication();
      expect(await found(`snapshot ${opening}`, token)).toBe(1);
    }
  });

  it('locks are refused on replicas, and given back on the primary', async () => {
    const running = await start();
    await running.allServe();
    const lock = "select /* cron */ get_lock('job', 0) AS got";
    await expect(running.read(lock)).rejects.toMatchObject({ name: 'ReplicaWriteError' });
    const pessimistic = (mode: 'pessimistic_read' | 'pessimistic_write') =>
      running.selector.run({ intent: 'replica' }, () =>
        running.dataSource.transaction((m) => m.findOne(Note, { where: { id: 1 }, lock: { mode } })),
      );
    await expect(pessimistic('pessimistic_read')).rejects.toMatchObject({ name: 'ReplicaWriteError' });
    await expect(pessimistic('pessimistic_write')).rejects.toMatchObject({ name: 'ReplicaWriteError' });
    await app?.close();
    const promoting = await start({ routing: { onReplicaWrite: 'promote' } });
    await promoting.allServe();
    const locks = [lock, lock].map((sql) => new Reader().read(() => promoting.dataSource.query(sql)));
    const got = (await Promise.all(locks)).map(([row]: [{ got: unknown }]) => Number(row.got));
    expect(got).toContain(1);
    await waitUntil(async () => {
      const [row] = await primary.query<{ free: number }>("SELECT IS_FREE_LOCK('job') AS free");
      return Number(row?.free) === 1;
    });
  });

  it('streams that their reader leaves, or that die with their server, end', async () => {
    const running = await start({ poolSize: 2, replicas: [{ url: a.url }] } as never);
    await running.dataSource.query(`INSERT INTO note (text) SELECT 'many' FROM seq_1_to_300000`);
    await servers.waitForReplication();
    await running.allServe();
    const { selector, dataSource } = running;
    const leave = (): Promise<void> =>
      selector.run({ intent: 'replica' }, async () => {
        const rows = await dataSource.getRepository(Note).createQueryBuilder('note').stream();
        let count = 0;
        for await (const _row of rows) if (++count === 10) break;
      });
    for (let number = 0; number < 6; number++) await leave();
    const startedAtMs = performance.now();
    await running.read('SELECT 1 AS one');
    expect(performance.now() - startedAtMs).toBeLessThan(300);
    await waitUntil(async () => {
      const rows = await a.query(
        "SELECT 1 FROM information_schema.processlist WHERE user = 'app' AND command = 'Query'",
      );
      return rows.length === 0;
    });

    const dying = selector.run({ intent: 'replica' }, async () => {
      const rows = await dataSource.getRepository(Note).createQueryBuilder('note').stream();
      let count = 0;
      for await (const _row of rows) if (++count === 10) await a.kill();
    });
    await expect(dying).rejects.toThrow();
    await a.start();
    await primary.query("DELETE FROM note WHERE text = 'many'");
    await servers.waitForReplication();
  });

  it('a replica restarts three times under load, then both stop and come back', async () => {
    const running = await start();
    await running.allServe();
    const reads = new Load(() => running.read());
    for (let number = 0; number < 3; number++) {
      await a.kill();
      await reads.moreRequests(50);
      await a.start();
      await running.timeUntil('replica-1', 'usable');
    }
    await Promise.all([a.stop(), b.stop()]);
    await reads.moreRequests(50);
    await Promise.all([a.start(), b.start()]);
    await running.allServe();
    const { failures } = await reads.stop();
    expect(messagesOf(failures)).toEqual({});
  });

  it('the same row means the same on every node, and a session whose set-up fails is closed', async () => {
    await a.query("SET GLOBAL time_zone = '+05:00'");
    await b.query("SET GLOBAL time_zone = '-03:00'");
    const sessions: string[] = [];
    const running = await start({
      onConnect: async (connection, { node, session }) => {
        sessions.push(`${session} on ${node}`);
        if (node === 'replica-2' && sessions.length < 6) throw new Error('not today');
        await connection.query("SET time_zone = '+00:00', sql_mode = 'TRADITIONAL'");
      },
    });
    await running.allServe();
    const zones = new Set<unknown>();
    for (let number = 0; number < 20; number++)
      zones.add(JSON.stringify(await running.read('SELECT @@time_zone AS zone, @@sql_mode AS mode')));
    expect([...zones]).toHaveLength(1);
    expect(sessions).toEqual(expect.arrayContaining(['read-only on replica-1', 'writable on primary']));
    await Promise.all([a, b].map((node) => node.query("SET GLOBAL time_zone = 'SYSTEM'")));
  });

  it('temporary tables are refused on replicas, and leave with their session', async () => {
    const running = await start({ poolSize: 1, routing: { onReplicaWrite: 'promote' } } as never);
    await running.allServe();
    const report = () =>
      new Reader().read(async () => {
        const runner = running.dataSource.createQueryRunner();
        try {
          await runner.query('CREATE TEMPORARY TABLE report (n int)');
          await runner.query('INSERT INTO report VALUES (1)');
          return await runner.query('SELECT n FROM report');
        } finally {
          await runner.release();
        }
      });
    for (let number = 0; number < 3; number++) await expect(report()).resolves.toEqual([{ n: 1 }]);
    await expect(running.dataSource.query('SELECT n FROM report')).rejects.toThrow(/doesn't exist/);
  });
});
