import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import type { NewSession, OnConnect, ReplicatedModuleOptions } from 'nestjs-replicated';
import { isPostgres, NO, sqlOf, startCluster, YES } from '../support/database.js';
import { drivers } from '../../src/engines/create-engine.js';
import { resolveOptions } from '../../src/options/resolve-options.js';
import { FaultApp } from '../faults/fault-app.js';

const SETTING = sqlOf({
  postgres: `SELECT current_setting('app.tenant', true) AS tenant, current_user AS role,
 current_setting('transaction_read_only') AS read_only, pg_is_in_recovery() AS is_replica`,
  mariadb: `SELECT @tenant AS tenant, current_role() AS role, IF(@@tx_read_only, 'on', 'off') AS read_only,
 @@read_only = 1 AS is_replica`,
});

/** Sets what the sessions of an application need to know. */
const setTenant = (tenant: string): string => `SET ${isPostgres ? 'app.tenant' : '@tenant'} = '${tenant}'`;
/** Allows what a session that reads is not to do. */
const WRITABLE = sqlOf({
  postgres: 'SET default_transaction_read_only = off',
  mariadb: 'SET SESSION TRANSACTION READ WRITE',
});

interface Session {
  readonly tenant: string;
  readonly role: string;
  readonly read_only: 'on' | 'off';
  readonly is_replica: unknown;
}

describe('onConnect', () => {
  let cluster: PostgresCluster;
  let app: FaultApp | undefined;
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 2 });
    await cluster.primary.query('CREATE ROLE tenant');
    await cluster.primary.query('GRANT tenant TO app');
    if (isPostgres) await cluster.primary.query('GRANT ALL ON SCHEMA public TO tenant');
    await cluster.waitForReplication();
  });
  afterAll(() => cluster?.stop());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  const start = async (
    onConnect: OnConnect,
    others: Partial<ReplicatedModuleOptions> = {},
  ): Promise<FaultApp> => {
    const { primary, replicas } = cluster;
    app = await FaultApp.start({
      primary: { url: primary.url },
      replicas: replicas.slice(0, 1).map(({ url }) => ({ url })),
      ...others,
      onConnect,
    } as ReplicatedModuleOptions);
    return app;
  };
  const reading = async (on: FaultApp): Promise<Session> => ((await on.read(SETTING)) as [Session])[0];
  const writing = async (on: FaultApp): Promise<Session> =>
    on.selector.usePrimary(async () => ((await on.dataSource.query(SETTING)) as [Session])[0]);

  it('sets up every session of every node, of replicas that are added as well', async () => {
    const made: NewSession[] = [];
    const site = await start(async (connection, about) => {
      made.push(about);
      await connection.query(setTenant(about.node));
      await connection.query('SET ROLE tenant');
    });
    await waitUntil(async () => (await reading(site)).is_replica === YES);
    expect(await writing(site)).toMatchObject({ tenant: 'primary', role: 'tenant', read_only: 'off' });
    expect(await reading(site)).toMatchObject({ tenant: 'replica-1', role: 'tenant', is_replica: YES });
    await site.cluster.addReplica({ url: cluster.replicas[1]?.url, name: 'added' });
    await site.cluster.removeReplica('replica-1');
    expect(await reading(site)).toMatchObject({ tenant: 'added', role: 'tenant', is_replica: YES });
    await site.cluster.removeReplica('added');
    expect(await reading(site)).toMatchObject({ tenant: 'primary', role: 'tenant', read_only: 'on' });
    expect(new Set(made.map(({ node, session }) => `${node} ${session}`))).toEqual(
      new Set(['primary writable', 'replica-1 read-only', 'added read-only', 'primary read-only']),
    );
  });

  it('sets up the sessions of a cluster of one server', async () => {
    const site = await start((connection) => connection.query(setTenant('one')), { replicas: [] });
    expect(await writing(site)).toMatchObject({ tenant: 'one', read_only: 'off' });
  });

  it('a session that was changed is closed, so that the next one is as it was set up', async () => {
    const site = await start((connection) => connection.query(setTenant('set up')), { poolSize: 1 });
    for (const intent of ['primary', 'replica'] as const) {
      await site.selector.run({ intent }, () => site.dataSource.query(setTenant('of a request')));
      const [session] = await site.selector.run({ intent }, () => site.dataSource.query(SETTING));
      expect(session).toMatchObject({ tenant: 'set up' });
    }
  });

  it('what it sets comes before what makes a session read-only', async () => {
    const site = await start((connection) => connection.query(WRITABLE), {
      replicas: [{ url: cluster.replicas[0]?.url }],
    });
    await site.cluster.removeReplica('replica-1');
    await expect(site.read('CREATE TABLE written (id int)')).rejects.toMatchObject({
      code: 'ERR_REPLICATED_REPLICA_WRITE',
    });
  });

  it.each<[string, OnConnect]>([
    [
      'fails',
      ({ query: _query }, { node }) =>
        node === 'replica-1' ? Promise.reject(new Error('no such role')) : undefined,
    ],
    [
      'does not end',
      (_connection, { node }) => (node === 'replica-1' ? new Promise(() => undefined) : undefined),
    ],
  ])(
    'one that %s for a replica: another server reads, it is told once, and the replica is not ejected',
    async (_how, onConnect) => {
      const told: string[] = [];
      const site = await start(onConnect);
      site.cluster.on('promiseWeakened', ({ detail }) => told.push(detail));
      await site.allUsable();
      for (let read = 0; read < 2; read += 1) expect(await reading(site)).toMatchObject({ is_replica: NO });
      expect(told).toHaveLength(1);
      expect(told[0]).toContain('onConnect has failed for a new read-only session of "replica-1"');
      expect(site.stateOf('replica-1')).toBe('usable');
      expect(site.cluster.stats().retries).toEqual({ misconfigured: 2 });
    },
  );

  it('one that fails for the primary fails its writes by name, until it succeeds', async () => {
    let isFailing = false;
    const site = await start(
      () => {
        if (isFailing) throw new Error('no such tenant');
      },
      isPostgres ? { extra: { maxUses: 1 } } : {},
    );
    /** On a new session: the one before is closed, since it was changed. */
    const writingAgain = async (): Promise<Session> => {
      if (!isPostgres) await site.selector.usePrimary(() => site.dataSource.query(setTenant('before')));
      return writing(site);
    };
    isFailing = true;
    await waitUntil(async () => {
      const failure = await writingAgain().then(
        () => undefined,
        (error: unknown) => error,
      );
      return (failure as { code?: string } | undefined)?.code === 'ERR_REPLICATED_SESSION_SET_UP';
    });
    await expect(writingAgain()).rejects.toThrow(
      'onConnect has failed for a new writable session of "primary": no such tenant.',
    );
    expect(site.stateOf('primary')).toBe('usable');
    isFailing = false;
    expect(await writing(site)).toMatchObject({ is_replica: NO });
  });

  it.each([
    [
      { type: 'postgres', onConnect: 'SET ROLE tenant' },
      'expected a function (connection, { node, session })',
    ],
    [
      { type: 'better-sqlite3', onConnect: () => undefined },
      'sessions of this database cannot be set up for now',
    ],
  ])('is refused where it cannot be: %j', (options, message) => {
    expect(() => resolveOptions({ primary: { host: 'a' }, replicas: [], ...options }, drivers)).toThrow(
      message,
    );
  });
});
