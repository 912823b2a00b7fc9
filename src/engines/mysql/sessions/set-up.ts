import type { ServerIdentity } from '../../../connector.js';
import type { History } from '../../../position.js';
import {
  ask,
  isOkPacket,
  stateOf,
  type ConnectionState,
  type MysqlConnection,
  type OkPacket,
} from '../connection.js';
import type { Aside } from '../../pool/ask-aside.js';
import { serverOfHistory } from '../positions.js';
import { setUpSession, type SetUpTerms } from '../../pool/set-up-session.js';
import { askKind } from '../server-kind.js';
import { noteBackend } from './backend.js';
import { ROLE_SQL, roleOf, SERVER_SQL, serverIdOf, WRITERS_SQL, writersOf, type Row } from '../server-sql.js';

/** What a new connection goes through before its first use. One that fails is closed. */
export type SetUp = (connection: MysqlConnection) => Promise<void>;

/** One after the other. */
export function inTurn(...steps: readonly (SetUp | undefined)[]): SetUp {
  return async (connection) => {
    for (const step of steps) await step?.(connection);
  };
}

/** As the application wants it: what is needed here is set afterwards, and wins. */
export function asApplied(terms: SetUpTerms): SetUp | undefined {
  return (
    terms.onConnect &&
    (async (connection) => {
      const state = stateOf(connection);
      state.isBeingApplied = true;
      await setUpSession(connection.promise(), terms);
      state.isBeingApplied = false;
    })
  );
}

/** Whatever the server's default: what is sent outside of a transaction is one of its own. */
export const commitByItself: SetUp = (connection) => set(connection, 'SET SESSION autocommit = 1');

/**
 * Writes nothing, also where its server could be written, and where that allows what a definer with more rights does: it is
 * the session that refuses.
 */
export const readOnly: SetUp = (connection) => set(connection, 'SET SESSION TRANSACTION READ ONLY');

/** Tells which server the connection has reached. `aside`: what asks it about the connection. */
export function identify(onIdentity: (identity: ServerIdentity) => void, aside?: Aside): SetUp {
  return async (connection) => {
    const row =
      (await ask(connection, `SELECT ${SERVER_SQL}, ${IDLE_SQL}, CONNECTION_ID() AS connection_id`)) ?? {};
    noteIdleLimit(connection, row);
    // A proxy makes up the number that it gives its clients.
    const isPooled = connection.threadId !== null && Number(row['connection_id']) !== connection.threadId;
    const serverId = serverIdOf(row);
    if (aside && !isPooled) noteBackend(connection, serverId, aside);
    onIdentity({ serverId, isPooled });
  };
}

const IDLE_SQL = '@@wait_timeout AS idle_limit';

function noteIdleLimit(connection: MysqlConnection, { idle_limit: seconds }: Row): void {
  stateOf(connection).idleLimitMs = Number(seconds) * 1_000 || Infinity;
}

/** What makes a server the primary. */
export interface PrimaryTerms {
  /** The server that was last seen to write. */
  readonly newestHistory: () => History | undefined;
  /** Whether it has to be. @default always */
  readonly isPrimary?: () => boolean;
}

/** Proves that its server is a primary, where it has to be one. */
export function provePrimary({ newestHistory, isPrimary = () => true }: PrimaryTerms): SetUp {
  return async (connection) => {
    if (!isPrimary()) return;
    const row = (await ask(connection, `SELECT ${ROLE_SQL}, ${WRITERS_SQL}, ${IDLE_SQL}`)) ?? {};
    noteIdleLimit(connection, row);
    if (roleOf(row) === 'replica') throw new NotThePrimaryError(REPLICA);
    if (hasMissed(newestHistory(), row)) throw new NotThePrimaryError(FORMER);
  };
}

/** The list is extended: mysql2 follows the character set by it. */
const TRACK_SQL = `SET SESSION /*M!100217 session_track_system_variables = CONCAT(@@session_track_system_variables, ',last_gtid') */
 /*!50706 session_track_gtids = 'OWN_GTID' */`;

/** Has the server tell, with the answer to a commit, the GTID that it has written. */
export const trackWrites: SetUp = async (connection) => {
  const { tracking } = await askKind(connection);
  if (tracking === 'nothing') return;
  try {
    await set(connection, TRACK_SQL);
    stateOf(connection).tracks = tracking;
  } catch {
    // An older server: time serves.
  }
};

function set(connection: MysqlConnection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error: unknown, answer: unknown) => {
      if (error) return reject(error as Error);
      if (isOkPacket(answer)) noteSet(stateOf(connection), answer);
      resolve();
    });
  });
}

/** Servers tell of `autocommit` whenever it is set; only a newer mysql2 says with it that there were no GTIDs. */
function noteSet(state: ConnectionState, { serverStatus, stateChanges }: OkPacket): void {
  state.serverStatus = serverStatus;
  if (stateChanges) state.showsGtids = stateChanges.gtids !== undefined;
}

/** It has nothing of what the last primary has written: a former one. Were it right, its monitor would find that out first. */
function hasMissed(known: History | undefined, row: Row): boolean {
  const writers = writersOf(row);
  if (!writers || known === undefined) return false;
  const last = String(serverOfHistory(known));
  return last !== String(row['server_id']) && !writers.has(last);
}

const REPLICA = 'read_only, or replays from another server: a replica';
const FORMER = 'one that has nothing of what the last primary has written: a former primary';

/** A new connection to the primary has reached another server. Classified like a lost connection. */
class NotThePrimaryError extends Error {
  readonly code = 'ECONNREFUSED';
  constructor(found: string) {
    super(`The server at the address of the primary is ${found}. It is not used.`);
  }
}
