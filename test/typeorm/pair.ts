import { getDataSourceToken } from '@nestjs/typeorm';
import { Test } from '@nestjs/testing';
import {
  ConnectionSelector,
  ReplicatedModule,
  ReplicationCluster,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { isPostgres, startCluster, TYPE } from '../support/database.js';
import { DataSource, type Logger, type QueryRunner, type ReplicationMode } from 'typeorm';
import { LIBRARY } from './library.js';

export type Scenario = (dataSource: DataSource) => Promise<unknown>;

/** What came of a scenario, and every statement and event on the way. */
export interface Outcome {
  readonly answer?: unknown;
  readonly failure?: unknown;
  readonly said: readonly unknown[];
}

type Mode = 'outside of any unit' | 'with every read on a replica';

/** The same entities over a plain and over a routed DataSource, each in a database of its own. */
export interface Pair {
  play(scenario: Scenario, mode: Mode): Promise<{ plain: Outcome; routed: Outcome }>;
  close(): Promise<void>;
}

export async function openPair(): Promise<Pair> {
  // Without vacuum the catalogs of both databases stay in the order in which tables were made.
  const servers = await startCluster({ replicas: 1, settings: { autovacuum: false } });
  const [replica] = servers.replicas;
  if (!replica) throw new Error('no replica');
  const { primary } = servers;
  await createDatabases(primary);
  const diary = new Diary();
  const shared = { ...LIBRARY, logger: diary, logging: true, maxQueryExecutionTime: 1_000 } as const;
  const plain = new DataSource({ ...shared, type: TYPE, url: inDatabase(primary.url, 'plain') });
  await plain.initialize();
  const module = await Test.createTestingModule({
    imports: [
      ReplicatedModule.forRoot({
        ...shared,
        type: TYPE,
        monitor: { intervalMs: 1_000, timeoutMs: 1_000 },
        primary: { url: inDatabase(primary.url, 'routed') },
        replicas: [{ url: inDatabase(replica.url, 'routed') }],
      } as unknown as ReplicatedModuleOptions),
    ],
  }).compile();
  module.useLogger(false);
  const cluster = module.get(ReplicationCluster);
  await waitUntil(() => cluster.nodes.every(({ state }) => state !== 'connecting'));
  const routed: DataSource = module.get(getDataSourceToken());
  const selector = module.get(ConnectionSelector);
  // The pool of a replica opens with its first read, and TypeORM then asks it for its version. Reads at once find their sessions.
  const openReader = () => selector.run({ intent: 'replica' }, () => routed.query('SELECT 1'));
  const openReaders = () => Promise.all([openReader(), openReader()]);
  await openReader();
  const create = routed.createQueryRunner.bind(routed);
  const createWithReadsOnReplica = (mode?: ReplicationMode) => {
    if (mode === 'slave') return selector.run({ intent: 'replica' }, () => create(mode));
    return isPostgres ? create(mode) : thenReplicated(create(mode), servers);
  };

  async function outcomeOf(scenario: Scenario, dataSource: DataSource): Promise<Outcome> {
    await dataSource.synchronize(true);
    diary.lines.length = 0;
    try {
      const answer = await scenario(dataSource);
      return plainly({ answer, said: diary.lines });
    } catch (error) {
      return plainly({ failure: errorOf(error), said: diary.lines });
    }
  }

  return {
    async play(scenario, mode) {
      const before = await outcomeOf(scenario, plain);
      await openReaders();
      routed.createQueryRunner = mode === 'outside of any unit' ? create : createWithReadsOnReplica;
      const after = await outcomeOf(scenario, routed);
      return { plain: before, routed: after };
    },
    async close() {
      await module.close();
      await plain.destroy();
      await servers.stop();
    },
  };
}

async function createDatabases(primary: PostgresNode): Promise<void> {
  for (const database of ['plain', 'routed']) {
    await primary.query(`CREATE DATABASE ${database}${isPostgres ? ' OWNER app' : ''}`);
    if (!isPostgres) await primary.query(`GRANT ALL ON ${database}.* TO app@'%'`);
  }
  if (isPostgres) await commitOnReplica(primary);
}

/** What is committed is on the replica, so that every read may follow every write. */
async function commitOnReplica(primary: PostgresNode): Promise<void> {
  await primary.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
  await primary.query(`ALTER SYSTEM SET synchronous_commit = 'remote_apply'`);
  await primary.query('SELECT pg_reload_conf()');
  await waitUntil(async () => {
    const [row] = await primary.query(`SELECT sync_state FROM pg_stat_replication`);
    return row?.['sync_state'] === 'sync';
  });
}

/** Replicas of MariaDB confirm what they have received, not what they show: here it is waited for. */
function thenReplicated(runner: QueryRunner, servers: PostgresCluster): QueryRunner {
  const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<never>;
  runner.query = async (...args: unknown[]): Promise<never> => {
    const answer = await query(...args);
    if (!runner.isTransactionActive || args[0] === 'COMMIT') await servers.waitForReplication();
    return answer;
  };
  return runner;
}

/** Everything that TypeORM logs. */
class Diary implements Logger {
  readonly lines: unknown[] = [];
  logQuery(sql: string, parameters?: unknown[]): void {
    this.lines.push([sql, parameters]);
  }
  logQueryError(error: string | Error, sql: string): void {
    this.lines.push(['error', String(error), sql]);
  }
  /** One that sleeps; others are slow where the machine is. */
  logQuerySlow(_time: number, sql: string): void {
    if (/sleep/i.test(sql)) this.lines.push(['slow', sql]);
  }
  logSchemaBuild(message: string): void {
    this.lines.push(['schema', message]);
  }
  logMigration(message: string): void {
    this.lines.push(['migration', message]);
  }
  log(level: string, message: unknown): void {
    this.lines.push([level, message]);
  }
}

export function errorOf(error: unknown): object {
  const { name, message, code, query } = error as Error & { code?: string; query?: string };
  return { name, message, code, query };
}

/** Comparable: what differs between two databases and two moments is left out. */
function plainly(outcome: Outcome): Outcome {
  const text = JSON.stringify(outcome, (_key, one: unknown) => (typeof one === 'bigint' ? String(one) : one));
  return JSON.parse(
    text
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
      .replaceAll(/\b1[6-9]\d{11}\b/g, '0')
      .replaceAll(/\b(plain|routed)\b/g, 'DATABASE'),
  );
}

function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
