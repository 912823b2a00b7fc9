import type { CapturedPosition } from '../../../position.js';
import { ask, stateOf, type MysqlConnection, type Tracking } from '../connection.js';
import { parseMariadbGtids, serverOf } from '../mariadb-gtid.js';
import { parseMysqlGtids } from '../mysql-gtid.js';
import { historyOf, ONE_HISTORY, positionOf } from '../positions.js';
import { union, type GtidSet } from '../gtid-set.js';

/** The place right behind what a session has committed; `undefined`: packets do not tell. */
export function capturedAt(gtids: readonly string[], tracks: Tracking): CapturedPosition | undefined {
  if (tracks === 'nothing' || gtids.length === 0) return undefined;
  const parse = tracks === 'mysql' ? parseMysqlGtids : parseMariadbGtids;
  const sets = gtids.map(parse);
  const position = positionOf(sets.reduce(union));
  return { position, history: tracks === 'mysql' ? ONE_HISTORY : historyOfLast(sets) };
}

function historyOfLast(sets: readonly GtidSet[]): CapturedPosition['history'] {
  const server = serverOf(sets.at(-1) ?? []);
  return server === undefined ? undefined : historyOf(server);
}

/** What a server answers of the session that asks, and of all that it has written. */
export interface Told {
  /** Whether the session has written what no packet has told; `undefined`: the server cannot tell. */
  readonly hasWritten: boolean | undefined;
  /** What it has written last, where it has; else all that the server has. */
  readonly captured: CapturedPosition | undefined;
}

const MARIADB_SQL = 'SELECT @@last_gtid AS last, @@gtid_current_pos AS head, @@server_id AS server';
const MYSQL_SQL = 'SELECT @@global.gtid_executed AS head';

/** Asks for what packets have left open. */
export async function askWhatWasWritten(connection: MysqlConnection): Promise<Told> {
  const state = stateOf(connection);
  if (state.tracks === 'mysql') {
    const row = await ask(connection, MYSQL_SQL);
    return { hasWritten: undefined, captured: capturedAt([String(row?.['head'])], 'mysql') };
  }
  const { last, head, server } = (await ask(connection, MARIADB_SQL)) ?? {};
  const gtid = String(last ?? '');
  if (gtid !== '' && gtid !== state.lastGtid) {
    state.lastGtid = gtid;
    return { hasWritten: true, captured: capturedAt([gtid], 'mariadb') };
  }
  const position = positionOf(parseMariadbGtids(String(head ?? '')));
  return { hasWritten: false, captured: { position, history: historyOf(Number(server)) } };
}
