import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

/** What the server says when a statement has ended that answers without rows. */
export interface OkPacket {
  /** Of an UPDATE, also those that were so already: these `info` counts apart. */
  readonly affectedRows: number | string;
  readonly changedRows: number;
  readonly info: string;
  readonly insertId: number | string;
  serverStatus: number;
  stateChanges?: StateChanges;
}

/** What it says of the session, as mysql2 gives it. */
export interface StateChanges {
  readonly systemVariables: Record<string, string>;
  readonly schema: string | null;
  /** Absent before mysql2 3.4.0. */
  readonly gtids?: readonly string[];
  readonly trackStateChange: string | null;
}

/** A query on its way. Without a callback, its answer comes as events only. */
export interface Command extends EventEmitter {
  readonly sql?: string;
  readonly onResult?: unknown;
  stream?(options?: object): unknown;
}

export type Done = (error: unknown, answer?: unknown, fields?: unknown) => void;

/** As much of a connection of mysql2 as is used here. */
export interface MysqlConnection extends EventEmitter {
  /** The number that the server, or a proxy in its place, gave the connection at its start. */
  readonly threadId: number | null;
  readonly _handshakePacket?: { readonly serverVersion?: string } | null;
  readonly stream: Socket;
  /** What the server is answering. */
  readonly _command?: unknown;
  readonly _paused?: boolean;
  /** When it was given back to its pool, or made. Absent before mysql2 3.0. */
  readonly lastActiveTime?: number;
  readonly config?: { readonly socketPath?: string | undefined };
  /** `null` once it has left its pool. */
  readonly _pool?: unknown;
  query(...args: readonly unknown[]): Command;
  ping(done: (error: unknown) => void): void;
  /** The same connection, whose methods answer with promises. */
  promise(): { query(sql: string): Promise<unknown> };
  release(): void;
  destroy(): void;
  [STATE]?: ConnectionState;
}

/** What is known of a connection, for all query runners that it serves. */
export interface ConnectionState {
  /** Nothing can be sent on it any more. */
  isDead: boolean;
  /** Flags of the last OK packet. */
  serverStatus: number;
  /** The last GTID that its session has written, as far as it was told. */
  lastGtid: string;
  /** What its OK packets tell of writes. */
  tracks: Tracking;
  /** How long its server lets it be idle, in ms. */
  idleLimitMs: number;
  /** Whether mysql2 hands on the GTIDs that a server of MySQL tells, as far as it was seen. */
  showsGtids: boolean;
  /** The application sets it up, for which it has a limit of its own. */
  isBeingApplied: boolean;
  /** The server's side of it, if it reads: what writes is never ended from here. */
  backend?: Backend;
}

/** The server's side of a connection that reads, and what another connection can do about it. */
export interface Backend {
  /** As `ProbeAnswer.serverId`. */
  readonly serverId: string;
  /** Whether the server is at work for it. */
  isAtWork(): Promise<boolean>;
  /** Asks the server to end what it is at. The connection must not be used again: the request may arrive late. */
  cancel(): void;
}

/** What OK packets tell of writes: their GTIDs, or nothing. */
export type Tracking = 'mariadb' | 'mysql' | 'nothing';

const STATE = Symbol.for('nestjs-replicated.mysql-connection');

export function stateOf(connection: MysqlConnection): ConnectionState {
  return (connection[STATE] ??= {
    isDead: false,
    serverStatus: AUTOCOMMIT,
    lastGtid: '',
    tracks: 'nothing',
    idleLimitMs: Infinity,
    showsGtids: false,
    isBeingApplied: false,
  });
}

const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/** Whether the session is inside a transaction, or its next statement begins one. */
export function isOpen(serverStatus: number): boolean {
  return (serverStatus & IN_TRANSACTION) !== 0 || (serverStatus & AUTOCOMMIT) === 0;
}

/** Whether a result is an OK packet, and not a row. */
export function isOkPacket(result: unknown): result is OkPacket {
  const packet = result as Partial<OkPacket> | null;
  return (
    typeof packet?.serverStatus === 'number' &&
    packet.affectedRows !== undefined &&
    packet.insertId !== undefined &&
    'fieldCount' in packet
  );
}

/** Sends a query and answers its first row, or nothing. */
export function ask(
  connection: MysqlConnection,
  sql: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  return new Promise((resolve, reject) => {
    const done: Done = (error, rows) =>
      error ? reject(error as Error) : resolve(Array.isArray(rows) ? (rows[0] as never) : undefined);
    connection.query({ sql, rowsAsArray: false, nestTables: false, typeCast: true }, done);
  });
}
