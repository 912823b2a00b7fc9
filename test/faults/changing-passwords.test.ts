import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { isPostgres, SET_MINE, sqlOf, startCluster } from '../support/database.js';
import { FaultApp } from './fault-app.js';
import { Load, messagesOf } from './load.js';
import { printFigures } from './print-figures.js';

const PERIOD_MS = 2_000;
const CHANGES = 4;

/** What gives out a password, as a vault does: always the one that is valid now. */
class Vault {
  readonly asked: Record<string, number> = {};
  private password = 'first';
  private changing: Promise<void> = Promise.resolve();

  constructor(private readonly cluster: PostgresCluster) {}

  /** The connection of a node, by its address and without a password of its own. */
  nodeOf({ url }: PostgresNode, name: string): object {
    const { hostname, port, username, pathname } = new URL(url);
    const password = async (): Promise<string> => {
      this.asked[name] = (this.asked[name] ?? 0) + 1;
      await this.changing;
      return this.password;
    };
    return { name, host: hostname, port: Number(port), username, database: pathname.slice(1), password };
  }

  change(): Promise<void> {
    this.changing = this.changeTo(`of ${performance.now()}`);
    return this.changing;
  }

  private async changeTo(password: string): Promise<void> {
    await this.cluster.primary.query(
      sqlOf({
        postgres: `ALTER ROLE app PASSWORD '${password}'`,
        mariadb: `ALTER USER app IDENTIFIED BY '${password}'`,
      }),
    );
    await this.cluster.waitForReplication();
    this.password = password;
  }
}

describe('a password that is a function', () => {
  let cluster: PostgresCluster;
  let vault: Vault;
  let app: FaultApp;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2, password: 'first' });
    vault = new Vault(cluster);
    const [replica] = cluster.replicas as [PostgresNode];
    app = await FaultApp.start({
      synchronize: true,
      primary: vault.nodeOf(cluster.primary, 'primary'),
      replicas: [vault.nodeOf(replica, 'replica-1')],
      ...(isPostgres && { extra: { maxUses: 5 } }), // so that new connections are made all the time
      monitor: { intervalMs: 1_000, timeoutMs: 1_000, connectTimeoutMs: 5_000 }, // no server is silent here
    });
    await app.allServe();
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  /** Ends the connections of the monitors, which would live as long as the process. */
  async function endMonitors(): Promise<void> {
    if (!isPostgres) return; // which does not tell which of the idle sessions they are
    for (const node of cluster.nodes)
      await node.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND query LIKE '%pg_last_wal_receive_lsn%'`,
      );
  }

  /** Changes a session, which is closed for it: the next one needs another. */
  const spend = (intent: 'primary' | 'replica'): Promise<unknown> =>
    app.selector.run({ intent }, async () => {
      const runner = app.dataSource.createQueryRunner();
      await runner.query(SET_MINE).finally(() => runner.release());
    });

  it(`is asked for every new connection: while it changes every ${PERIOD_MS} ms no request fails, and no node is ejected`, async () => {
    const ejected: string[] = [];
    app.cluster.on('replicaEjected', ({ node, detail }) => ejected.push(`${node}: ${detail}`));
    app.cluster.on('primaryLost', ({ node, detail }) => ejected.push(`${node}: ${detail}`));
    const loads = [new Load(app.read, { callers: 6 }), new Load(() => app.write(), { callers: 3 })];
    if (!isPostgres)
      for (const intent of ['primary', 'replica'] as const)
        loads.push(new Load(() => spend(intent), { callers: 1 }));
    for (let change = 0; change < CHANGES; change += 1) {
      await pause(PERIOD_MS);
      await vault.change();
      await endMonitors();
      if (change === 1)
        await app.cluster.addReplica(vault.nodeOf(cluster.replicas[1] as PostgresNode, 'added'));
    }
    await waitUntil(() => (app.cluster.stats().nodes['added'] ?? 0) > 50);
    const names = ['primary', 'replica-1', 'added'];
    await waitUntil(() => names.every((name) => (vault.asked[name] ?? 0) > 20));
    for (const load of loads) {
      const report = await load.stop();
      printFigures(`${CHANGES} changes of the password`, report);
      expect(messagesOf(report.failures)).toEqual({});
    }
    expect(ejected).toEqual([]);
    await app.allUsable();
    expect(JSON.stringify(app.cluster.nodes)).not.toContain('of ');
  }, 60_000);

  it.each([
    { wrong: 1, state: 'usable' },
    { wrong: 100, state: 'misconfigured' },
  ])(
    'whose first $wrong answers are wrong, and which is asked twice at a time: $state',
    async ({ wrong, state }) => {
      let isRight = false;
      let asked = 0;
      const node = vault.nodeOf(cluster.replicas[1] as PostgresNode, 'wrong');
      const right = (node as { password: () => Promise<string> }).password;
      const password = () => (isRight || (asked += 1) > wrong ? right() : 'wrong');
      await app.cluster.addReplica({ ...node, password });
      expect(app.stateOf('wrong')).toBe(state);
      isRight = true;
      await app.timeUntil('wrong', 'usable');
      await app.cluster.removeReplica('wrong');
    },
  );
});
