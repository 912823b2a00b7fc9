/** The parts of node-postgres' results that are used here. */
export interface PgResult {
  readonly command: string | null;
  readonly rows: readonly Readonly<Record<string, string | undefined>>[];
}

/** The part of node-postgres' client that is used here. */
export interface PgClient {
  /** The number of the server's process, as the server has told it at the start of the connection. */
  readonly processID?: number | null;
  query(...args: readonly unknown[]): unknown;
}
