import { afterEach, describe, expect, it } from '@jest/globals';
import { waitUntil } from 'nestjs-replicated/testing';
import type { DataSource } from 'typeorm';
import { QUICK } from '../faults/fault-app.js';
import { Note } from '../support/note.js';
import { MYSQL_TYPE as type } from '../support/database.js';
import { moveClock } from '../support/moved-clock.js';
import { oldMysql2 } from './old-mysql2.js';
import { ScriptedApp } from './scripted-app.js';
import { ScriptedServer, type Script } from './scripted-server.js';

/** Longer than any test. */
const PIN_MS = 60_000;

describe(`before MySQL 8, as type ${type}`, () => {
  const skip = moveClock();
  let app: ScriptedApp;
  let servers: ScriptedServer[] = [];
  afterEach(async () => {
    await app.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
  });

  /** A primary with one row, and replicas that have it. */
  const open = async (
    options: Readonly<Record<string, unknown>> = {},
    {
      replicas = 1,
      ...script
    }: Partial<Script> & { readonly replicas?: number; readonly replica?: Partial<Script> } = {},
  ): Promise<readonly [ScriptedServer, ScriptedServer, ScriptedServer]> => {
    const primary = await ScriptedServer.start(script);
    primary.commit('seed');
    servers = [primary];
    for (let index = 0; index < replicas; index++) {
      const replica = await ScriptedServer.start({ ...script, isReadOnly: true, ...script.replica });
      replica.replay(primary);
      servers.push(replica);
    }
    app = await ScriptedApp.open(servers, { type, ...options });
    return servers as unknown as [ScriptedServer, ScriptedServer, ScriptedServer];
  };
  /** The replica serves the client, which has seen its row all the while. */
  const untilServed = (token: string | undefined): Promise<unknown> =>
    waitUntil(async () => {
      const { found, node } = await app.get(token);
      expect(found).toBe(1);
      return node === 'replica-1';
    });
  const probedAgain = async ({ heard }: ScriptedServer): Promise<void> => {
    const probes = () => heard.filter((sql) => sql.includes('AS executed')).length;
    const before = probes();
    await waitUntil(() => probes() > before);
  };
  const heardOnWrites = ({ heard }: ScriptedServer) => heard.filter((sql) => /AS head/.test(sql));

  it('reads go to the replica, in read-only sessions, and writes to the primary', async () => {
    const [primary, replica] = await open();
    await app.post();
    expect(primary.heard.filter((sql) => sql.startsWith('INSERT'))).toHaveLength(1);
    expect(await app.get(undefined, 'seed')).toEqual({ found: 1, node: 'replica-1' });
    expect(replica.heard).toContain('SET SESSION TRANSACTION READ ONLY');
    expect(app.warnings).toEqual([]);
    await expect(app.readByWriting()).rejects.toMatchObject({ code: 'ERR_REPLICATED_REPLICA_WRITE' });
  });

  it.each<[string, (dataSource: DataSource) => Promise<unknown>]>([
    ['insert()', (dataSource) => dataSource.getRepository(Note).insert({ text: 'mine' })],
    ['query()', (dataSource) => dataSource.query(`INSERT INTO note (text) VALUES ('mine')`)],
    ['a transaction', (dataSource) => dataSource.transaction((m) => m.insert(Note, { text: 'mine' }))],
  ])('a client that has written by %s reads the primary until the replica has it', async (_how, write) => {
    const [primary, replica] = await open();
    const token = await app.post(write);
    expect(await app.get(token)).toEqual({ found: 1, node: 'primary' });
    expect(await app.get()).toEqual({ found: 0, node: 'replica-1' });
    // What somebody else has written is none of its business.
    const others = primary.commit('of another client');
    replica.replay(primary);
    replica.log.delete(others);
    await untilServed(token);
    expect(heardOnWrites(primary)).toEqual([]); // the OK packet has told
  });

  it('callers see nothing of what the server tells', async () => {
    await open();
    await app.post(async (dataSource) => {
      const { raw } = await dataSource.getRepository(Note).insert({ text: 'mine' });
      expect(raw).not.toHaveProperty('stateChanges');
    });
  });

  it('a function that writes is asked for, once', async () => {
    const [primary, replica] = await open();
    const token = await app.post((dataSource) => {
      primary.commit('mine');
      return dataSource.query('SELECT write_note() AS one');
    });
    expect(heardOnWrites(primary)).toHaveLength(1);
    expect((await app.get(token)).node).toBe('primary');
    replica.replay(primary);
    await untilServed(token);
  });

  it('a read waits for the replica, as long as it may', async () => {
    const [primary, replica] = await open({ consistency: { maxWaitMs: 2_000 } });
    const token = await app.post();
    const reading = app.get(token);
    const asked = replica.heard.length;
    await waitUntil(() => replica.heard.length > asked);
    replica.replay(primary);
    expect(await reading).toEqual({ found: 1, node: 'replica-1' });
  });

  it('a transaction that only the replica has takes it out, until the primary has it, too', async () => {
    const [primary, replica] = await open();
    const errant = replica.commit('errant');
    await app.until('replica-1', 'misconfigured');
    expect(app.detailOf('replica-1')).toContain('replayed more than the primary has written');
    // It replays on, and is not taken for one that has followed.
    const states = new Set<unknown>();
    for (let round = 0; round < 2; round++) {
      primary.commit('more');
      replica.replay(primary);
      await probedAgain(replica);
      states.add(app.stateOf('replica-1'));
    }
    expect([...states]).toEqual(['misconfigured']);
    primary.log.set(errant, []); // as by an empty transaction
    primary.commit('more');
    replica.replay(primary);
    await app.until('replica-1', 'usable');
  });

  it('a failover that loses history is followed; who has the lost is out', async () => {
    const [primary, a, b] = await open({ cluster: { failover: 'follow' } }, { replicas: 2 });
    const token = await app.post();
    b.replay(primary); // and `a` has not
    await waitUntil(async () => (await app.get(token)).node === 'replica-2');
    await primary.stop();
    await app.until('primary', 'unreachable');
    a.script.isReadOnly = false;
    await waitUntil(() => app.cluster.nodes.find(({ role }) => role === 'primary')?.name === 'replica-1');
    await app.until('replica-1', 'usable');
    expect(await app.post()).toBeDefined();
    await app.until('replica-2', 'misconfigured');
    expect((await app.get(token)).node).toBe('replica-1');
  });

  it('the former primary, back at its address, is not written', async () => {
    const [primary, promoted, other] = await open({}, { replicas: 2 });
    const former = primary.standIn();
    promoted.script.isReadOnly = false;
    promoted.commit('since');
    other.replay(promoted);
    primary.leadTo(promoted);
    await waitUntil(async () => (await app.post()) !== undefined);
    await probedAgain(primary);
    await probedAgain(primary);
    primary.leadTo(former);
    await app.until('primary', 'is-replica');
    expect(app.detailOf('primary')).toContain('a former primary');
    primary.leadTo(promoted);
    await app.until('primary', 'usable');
  });

  it('a write that super_read_only refuses shows that the primary was demoted', async () => {
    const [primary] = await open();
    primary.script.isReadOnly = true;
    await expect(app.post()).rejects.toThrow('super-read-only');
    await app.until('primary', 'is-replica');
  });

  it.each<[string, Partial<Script>, string]>([
    ['gtid_mode is off', { gtidMode: 'OFF' }, 'Its gtid_mode is not ON'],
    ['the server is of Vitess', { version: '8.0.30-Vitess' }, 'Vitess'],
    ['ProxySQL answers', { comment: '(ProxySQL)' }, 'A proxy stands behind its address'],
    ['MaxScale answers', { version: '8.0.11 24.02.1-maxscale' }, 'A proxy stands behind its address'],
    ['it is a cluster of Galera', { variables: { wsrep_on: 'ON' } }, 'Galera'],
    ['mysql2 would not hand on GTIDs', { tellsOfAutocommit: false }, 'mysql2 3.4.0'],
  ])('where %s, that is announced, and time serves', async (_what, script, warning) => {
    const [primary, replica] = await open({ consistency: { pinMs: 1_000 } }, script);
    expect(app.warnings).toContainEqual(expect.stringContaining(warning));
    expect(app.warnings).toContainEqual(expect.stringContaining('reads the primary for consistency.pinMs'));
    const token = await app.post();
    expect((await app.get(token)).node).toBe('primary');
    expect((await app.get()).node).toBe('replica-1');
    replica.replay(primary);
    await waitUntil(async () => (await app.get(token)).node === 'replica-1');
    expect(replica.heard.some((sql) => sql.startsWith('INSERT'))).toBe(false);
  });

  it('an old mysql2 is announced, and time serves', async () => {
    const [primary, replica] = await open({ driver: oldMysql2(), consistency: { pinMs: PIN_MS } });
    expect(app.warnings).toContainEqual(expect.stringContaining('mysql2 3.4.0'));
    const token = await app.post();
    expect((await app.get(token)).node).toBe('primary');
    replica.replay(primary);
    await waitUntil(async () => (await app.get(token)).node === 'replica-1');
  });

  it('a proxy that numbers connections itself is announced', async () => {
    await open({}, { replica: { hiddenBy: 1_000 } });
    expect(app.warnings).toContainEqual(expect.stringContaining('A pooler stands behind its address'));
  });

  it('Aurora tells itself who writes and who is late', async () => {
    const [primary, replica] = await open(
      { consistency: { pinMs: PIN_MS }, monitor: { ...QUICK, maxLagMs: 1_000 } },
      {
        variables: { aurora_version: '3.08.0' },
        aurora: { session: 'MASTER_SESSION_ID', lagMs: 0 },
        replica: { aurora: { session: '7d1c33e4', lagMs: 20 } },
      },
    );
    expect(app.warnings).toContainEqual(expect.stringContaining('Aurora MySQL'));
    const lagOf = () => app.cluster.nodes[1]?.lagMs;
    await waitUntil(() => lagOf() === 20);
    const token = await app.post();
    expect((await app.get(token)).node).toBe('primary');
    skip(PIN_MS);
    await waitUntil(async () => (await app.get(token)).node === 'replica-1');
    replica.script.aurora = { session: '7d1c33e4', lagMs: 1_500 };
    await app.until('replica-1', 'lagging');
    replica.script.aurora = { session: 'MASTER_SESSION_ID', lagMs: 0 };
    primary.script.aurora = { session: '8e2d', lagMs: 5 };
    await app.until('primary', 'is-replica');
    await app.until('replica-1', 'is-primary');
  });
});
