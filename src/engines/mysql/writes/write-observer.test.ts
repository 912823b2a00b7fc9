import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { AboutCommit, WriteWatch } from '../../../engine.js';
import type { CapturedPosition } from '../../../position.js';
import { stateOf, type Command, type Done, type MysqlConnection, type Tracking } from '../connection.js';
import { positions } from '../positions.js';
import { observeMysqlWrites, openQuestion } from './observed-connection.js';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const SESSION_STATE_CHANGED = 0x4000;

interface Said {
  readonly gtid?: string;
  readonly status?: number;
  readonly affectedRows?: number;
  readonly rows?: readonly object[];
  readonly error?: object;
}

function okPacket(tracks: Tracking, { gtid, status = 2, affectedRows = 1 }: Said): object {
  const stateChanges = {
    systemVariables: tracks === 'mariadb' && gtid ? { last_gtid: gtid } : {},
    schema: null,
    gtids: tracks === 'mysql' && gtid ? gtid.split(',') : [],
    trackStateChange: null,
  };
  const told = gtid === undefined ? {} : { stateChanges };
  const serverStatus = status | (gtid === undefined ? 0 : SESSION_STATE_CHANGED);
  return { fieldCount: 0, affectedRows, insertId: 0, info: '', changedRows: 0, serverStatus, ...told };
}

/** Answers what it is told to, in turn, and tells what a watch hears. */
function observe(tracks: Tracking, answers: readonly Said[]) {
  const heard: string[] = [];
  const sent: string[] = [];
  const waiting = [...answers];
  const connection = new EventEmitter() as unknown as MysqlConnection;
  connection.query = (...args) => {
    const [query] = args as [string | { sql: string }];
    sent.push(typeof query === 'string' ? query : query.sql);
    const said = waiting.shift() ?? {};
    const command = new EventEmitter() as Command;
    const done = args.at(-1) as Done;
    setImmediate(() => {
      if (said.error) return done(said.error);
      command.emit('fields', said.rows && []);
      const result = said.rows ?? okPacket(tracks, said);
      if (!said.rows) command.emit('result', result);
      done(null, result);
    });
    return command;
  };
  stateOf(connection).tracks = tracks;
  const watch: WriteWatch = {
    wantsPosition: true,
    isListening: true,
    isRaw: () => true,
    transaction: (isOpen) => void heard.push(isOpen ? 'begins' : 'ends'),
    committed(captured: CapturedPosition | undefined, { isGuess }: AboutCommit) {
      const where = captured ? positions.format(captured.position) : 'somewhere';
      heard.push(isGuess ? `perhaps ${where}` : where);
    },
  };
  const view = observeMysqlWrites(connection, watch) as MysqlConnection;
  const query = (sql: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      view.query(sql, ((error, answer) => (error ? reject(error as Error) : resolve(answer))) as Done);
    });
  return { heard, sent, query, release: async () => openQuestion(view)?.() };
}

describe.each<[Tracking, string]>([
  ['mariadb', '0-1-7'],
  ['mysql', `${UUID}:7`],
])('the writes of a session, told by packets of %s', (tracks, gtid) => {
  it('are those that a packet has a GTID of, which its caller does not see', async () => {
    const { heard, query } = observe(tracks, [{ gtid }]);
    const answer = await query('INSERT INTO t VALUES (1)');
    expect(answer).toEqual(okPacket(tracks, {}));
    expect(heard).toEqual([gtid]);
  });

  it('of a transaction come with its end', async () => {
    const { heard, sent, query, release } = observe(tracks, [{ status: 3 }, { status: 3 }, { gtid }]);
    for (const sql of ['BEGIN', 'INSERT INTO t VALUES (1)', 'COMMIT']) await query(sql);
    await release();
    expect(heard).toEqual(['begins', 'ends', gtid]);
    expect(sent).toHaveLength(3);
  });

  it('are none when it is rolled back, and nothing is asked', async () => {
    const { heard, sent, query, release } = observe(tracks, [{ status: 3 }, { status: 3 }, {}]);
    for (const sql of ['BEGIN', 'INSERT INTO t VALUES (1)', 'ROLLBACK']) await query(sql);
    await release();
    expect([heard, sent.length]).toEqual([['begins', 'ends'], 3]);
  });

  it('that were answered with rows are asked for when the runner is released', async () => {
    const row = tracks === 'mariadb' ? { last: gtid, head: gtid, server: '1' } : { head: gtid };
    const { heard, query, release } = observe(tracks, [{ rows: [{ id: 1 }] }, { rows: [row] }]);
    await query('INSERT INTO t VALUES (1) RETURNING id');
    expect(heard).toEqual([]);
    await release();
    expect(heard).toEqual([tracks === 'mariadb' ? gtid : `perhaps ${gtid}`]);
  });

  it.each<[string, Said]>([
    ['a duplicate', { error: { errno: 1062, sqlState: '23000', message: 'Duplicate entry' } }],
    ['a row that was there', { affectedRows: 0 }],
  ])('%s gives its client the position of the primary', async (_what, said) => {
    const row = { last: '', head: gtid, server: '1' };
    const { heard, query, release } = observe(tracks, [said, { rows: [row] }]);
    await query('INSERT IGNORE INTO t VALUES (1)').catch(() => undefined);
    await release();
    expect(heard).toEqual([`perhaps ${gtid}`]);
  });

  it('may have been made when the connection is lost', async () => {
    const { heard, query } = observe(tracks, [{ error: { code: 'PROTOCOL_CONNECTION_LOST', fatal: true } }]);
    await expect(query('INSERT INTO t VALUES (1)')).rejects.toMatchObject({ fatal: true });
    expect(heard).toEqual(['perhaps somewhere']);
  });

  it('are not looked for behind a plain SELECT', async () => {
    const { heard, sent, query, release } = observe(tracks, [{ rows: [{ n: 1 }] }]);
    await query('SELECT count(*) AS n FROM t');
    await release();
    expect([heard, sent.length]).toEqual([[], 1]);
  });
});

describe('the writes of a session of which packets tell nothing', () => {
  it('are told by their texts', async () => {
    const { heard, query, release } = observe('nothing', [
      {},
      { status: 3 },
      { status: 3 },
      {},
      { status: 3 },
      {},
    ]);
    const texts = ['INSERT INTO t VALUES (1)', 'BEGIN', 'DELETE FROM t', 'COMMIT', 'BEGIN', 'ROLLBACK'];
    for (const sql of texts) await query(sql);
    await release();
    expect(heard).toEqual(['somewhere', 'begins', 'ends', 'somewhere', 'begins', 'ends']);
  });
});
