import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startMariadbCluster, type MariadbCluster, type MariadbNode } from 'nestjs-replicated/testing';
import { FaultApp } from '../faults/fault-app.js';
import { describeMariadb } from '../support/mariadb-server.js';

describeMariadb('what docs/engines.md says of MariaDB', () => {
  let servers: MariadbCluster;
  let app: FaultApp;

  beforeAll(async () => {
    servers = await startMariadbCluster({ replicas: 1 });
    app = await FaultApp.start({
      type: 'mariadb',
      synchronize: true,
      primary: { url: servers.primary.url },
      replicas: servers.replicas.map(({ url }) => ({ url })),
      monitor: { intervalMs: 2_000, timeoutMs: 2_000 }, // no server is silent here
    } as Parameters<typeof FaultApp.start>[0]);
    await app.write();
    await servers.waitForReplication();
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await servers?.stop();
  });

  it('a procedure of a privileged definer does not write on a replica that is read_only', async () => {
    const [replica] = servers.replicas as readonly [MariadbNode];
    await servers.primary.query(
      "CREATE DEFINER = root@localhost PROCEDURE sign() SQL SECURITY DEFINER INSERT INTO note (text) VALUES ('signed')",
    );
    await servers.waitForReplication();
    await expect(app.read('CALL sign()')).rejects.toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE' });
    expect(await replica.query("SELECT 1 FROM note WHERE text = 'signed'")).toEqual([]);
  });

  it('the lag is known in milliseconds, and not in bytes', () => {
    const replica = app.cluster.nodes.find(({ role }) => role === 'replica');
    expect(replica).toMatchObject({ lagMs: expect.any(Number), lagBytes: undefined });
  });

  it('the pools and the monitor of a process open no more connections than elsewhere', async () => {
    const reads = Array.from({ length: 40 }, () => app.read('SELECT SLEEP(0.05)'));
    const writes = Array.from({ length: 40 }, () => app.write());
    await Promise.all([...reads, ...writes]);
    for (const [node, most] of [
      [servers.primary, 16],
      [servers.replicas[0] as MariadbNode, 11],
    ] as const) {
      const [row] = await node.query<{ n: unknown }>(
        "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE USER = 'app'",
      );
      expect(Number(row?.n)).toBeGreaterThan(1);
      expect(Number(row?.n)).toBeLessThanOrEqual(most);
    }
  });
});
