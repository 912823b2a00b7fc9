/** The parts of node-postgres' results that are used here. */
export interface PgResult {
  readonly command: string | null;
  readonly rows: readonly Readonly<Record<string, string | undefined>>[];
}

/** The part of node-postgres' client that is used here. */
export interface PgClient {
  query(...args: readonly unknown[]): unknown;
}
