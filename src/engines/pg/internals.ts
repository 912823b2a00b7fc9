import type { EventEmitter } from 'node:events';

// What node-postgres, pg-pool and TypeORM's drivers for them keep to themselves and this engine relies on. A test holds
// it against both lines of TypeORM, and against the oldest and the newest node-postgres.

/** The parts of node-postgres' results that are used here. */
export interface PgResult {
  readonly command: string | null;
  readonly rows: readonly Readonly<Record<string, string | undefined>>[];
}

/** The socket of a connection. */
export interface PgStream {
  readonly destroyed?: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  once(event: 'close', listener: () => void): unknown;
  destroy(error?: Error): unknown;
  /** Holds back what is written until `uncork`, so that it leaves in one packet. */
  cork(): void;
  uncork(): void;
}

/** The protocol's side of a connection: absent in pg-native. */
export interface PgConnection {
  readonly stream?: PgStream;
  on?(event: 'readyForQuery', listener: (message: { readonly status?: string }) => void): unknown;
  on?(event: 'parameterStatus', listener: (message: { readonly parameterName?: string }) => void): unknown;
}

/** node-postgres' client. */
export interface PgClient extends Pick<EventEmitter, 'on' | 'removeListener'> {
  /** The number of the server's process, as the server, or a pooler in its name, has told it at the start of the connection. */
  readonly processID?: number | null;
  /** What a request to cancel its query must know. */
  readonly secretKey?: number | null;
  readonly host?: string;
  readonly port?: number;
  /** `false` from the moment that something is sent until the server has answered it in full. */
  readonly readyForQuery?: boolean;
  readonly _activeQuery?: object | null;
  /** Its name in older versions of node-postgres. */
  readonly activeQuery?: object | null;
  readonly connection?: PgConnection;
  readonly connectionParameters?: { readonly query_timeout?: unknown };
  /** What is not sent yet. */
  readonly _queryQueue?: readonly object[];
  /** Its name in older versions; newer ones warn of it, and say that node-postgres 9 has no queue. */
  readonly queryQueue?: readonly object[];
  /** Whether queries are sent without waiting for the answers of those before. */
  readonly pipeline?: boolean;
  query(...args: readonly unknown[]): unknown;
  /** Ours: see `prepareClient`. */
  [TRANSACTION_STATUS]?: TransactionStatus;
  /** Ours: see `releaseWhenAnswered`. */
  [UNANSWERED]?: Unanswered;
  /** Ours: see `noteBackend`. */
  [BACKEND]?: Backend;
  /** Ours: what TypeORM gets in its place, see `needReadOnlyTransactions`. */
  [READ_GUARD]?: unknown;
}

/** Questions behind failed writes that a connection still has no answer to. */
export interface Unanswered {
  count: number;
  /** Told once there are none. */
  onNone?: ((problem: unknown) => void) | undefined;
}

/** The server's process behind a connection that reads, as the server itself names it. */
export interface Backend {
  readonly serverId: string;
  readonly pid: number;
  /** When it was started: numbers of processes are used again. */
  readonly startedAt: string;
  /** A pooler may have it serve others by now. */
  readonly isPooled: boolean;
}

/** Whether a session is inside a transaction, as the server has said after the last statement. */
export interface TransactionStatus {
  isOpen: boolean;
  /** Whether the open transaction has failed, so that only its end is accepted. */
  isAborted: boolean;
}

export const TRANSACTION_STATUS: unique symbol = Symbol.for('nestjs-replicated.transaction-status');
export const UNANSWERED: unique symbol = Symbol.for('nestjs-replicated.unanswered');
export const BACKEND: unique symbol = Symbol.for('nestjs-replicated.backend');
export const READ_GUARD: unique symbol = Symbol.for('nestjs-replicated.read-only-transactions');

/** What the client waits for; nothing, once that has failed. */
export function activeQueryOf(
  client: Pick<PgClient, '_activeQuery' | 'activeQuery'>,
): ActiveQuery | undefined {
  return ('_activeQuery' in client ? client._activeQuery : client.activeQuery) ?? undefined;
}

/** A cursor, and what holds one (pg-query-stream). */
export interface PgCursor {
  readonly text?: unknown;
  readonly state?: string;
  readonly _error?: unknown;
}
export interface ActiveQuery extends PgCursor {
  readonly cursor?: PgCursor;
}

/** A row as the server sent it, column by column. */
export type RawRow = readonly (string | null | undefined)[];

export type QueryCallback = (error: unknown, answer?: unknown) => void;

/** node-postgres' query: what answers itself, message by message. */
export interface PgQuery {
  text: string;
  readonly values?: unknown;
  binary?: boolean;
  callback?: QueryCallback | undefined;
  /** Sends itself; answers why it cannot. */
  submit(connection: unknown): unknown;
  handleError(error: unknown, connection: unknown): void;
  handleReadyForQuery(connection: unknown): void;
  handlePortalSuspended(connection: unknown): void;
  handleEmptyQuery(connection: unknown): void;
  handleCopyInResponse(connection: unknown): void;
  handleCopyData(message: unknown, connection: unknown): void;
  requiresPreparation(): boolean;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: { fields: RawRow }): void;
  handleCommandComplete(message: { text: string }, connection: unknown): void;
  /** Sends for the rows of what was bound, and closes the message. */
  _getRows(connection: ExtendedProtocol): void;
  _result: PgResult;
}

export interface PgQueryClass {
  new (config: unknown, values?: unknown): PgQuery;
  readonly prototype: PgQuery;
}

/** What a query sends its messages with. */
export interface ExtendedProtocol {
  parse(statement: { text: string }): void;
  bind(portal: object): void;
  execute(portal: { portal: string }): void;
  sync(): void;
}

/** `pg.Query`, by way of the client, so that it is the very `pg` that TypeORM has loaded; `undefined`: pg-native's. */
export function queryClassOf(client: PgClient): PgQueryClass | undefined {
  const { Query } = client.constructor as unknown as { Query?: PgQueryClass };
  const prototype = Query?.prototype as Partial<PgQuery> | undefined;
  return typeof prototype?.handleCommandComplete === 'function' ? Query : undefined;
}

export type Release = (error?: unknown) => void;

/** pg-pool's pool. */
export interface PgPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { connectionTimeoutMillis?: number | undefined; readonly password?: unknown };
  connect(done: (error: unknown, client: PgClient | undefined, release: Release) => void): unknown;
  readonly _idle?: readonly { readonly client: PgClient }[];
  /** All, those being made included. */
  readonly _clients?: readonly PgClient[];
  _remove?(client: PgClient): void;
}

/** Where TypeORM's drivers of Postgres and CockroachDB keep their pool, and who has connections of it. */
export interface PgDriver {
  readonly master?: PgPool;
  readonly connectedQueryRunners: unknown[];
}

/** TypeORM's query runner of Postgres, or of CockroachDB. */
export interface PgRunner {
  driver: PgDriver;
  isReleased: boolean;
  databaseConnection?: unknown;
  /** Called by {@link releaseConnectionOf}, once. */
  releaseCallback?: Release | undefined;
  /** Of Postgres. */
  releasePostgresConnection?(error?: unknown): Promise<void>;
  /** The same of CockroachDB. */
  releaseConnection?(error?: unknown): Promise<void>;
}

/** Gives the connection of a runner back to its pool, before it returns; with an error, the pool destroys it. */
export function releaseConnectionOf(runner: PgRunner, error: unknown): void {
  // Ends before it returns; its promise is of an async function that awaits nothing.
  if (runner.releasePostgresConnection) void runner.releasePostgresConnection(error);
  else void runner.releaseConnection?.(error);
}
