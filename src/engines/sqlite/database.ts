/** As much of a database of better-sqlite3 as is used here: one connection to a file. */
export interface Database {
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
  exec(sql: string): unknown;
  pragma(text: string): unknown;
  close(): unknown;
}

/** One of its statements. All that they do is done when their methods return. */
export interface Statement {
  /** As SQLite itself says. */
  readonly readonly: boolean;
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown;
}

/** As much of TypeORM's driver for it as is used here. */
export interface SqliteDriver {
  readonly options: { readonly database?: unknown };
  readonly databaseConnection: Database;
  readonly attachedDatabases: Readonly<Record<string, AttachedDatabase>>;
  /** With all that its options want of a connection. */
  createDatabaseConnection(): Promise<Database>;
}

interface AttachedDatabase {
  readonly attachHandle: string;
  readonly attachFilepathAbsolute: string;
}

/** Whatever is sent on the connection. */
export function refuseWrites(database: Database): void {
  database.pragma('query_only = ON');
}

/** Whether a database is in the memory of its connection, or in a temporary file of that: then there is no other one. */
export function isPrivate(database: unknown): boolean {
  return typeof database !== 'string' || database === '' || /^(?::memory:|file::memory:)/.test(database);
}
