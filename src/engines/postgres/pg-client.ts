/** The parts of node-postgres' results that are used here. */
export interface PgResult {
  readonly command: string | null;
  readonly rows: readonly Readonly<Record<string, string | undefined>>[];
}

/** The part of node-postgres' client that is used here. */
export interface PgClient {
  /** The number of the server's process, as the server has told it at the start of the connection. */
  readonly processID?: number | null;
  /** `false` from the moment that something is sent until the server has answered it in full. */
  readonly readyForQuery?: boolean;
  readonly _activeQuery?: object | null;
  /** Its name in older versions of node-postgres. */
  readonly activeQuery?: object | null;
  query(...args: readonly unknown[]): unknown;
}

/** What the client waits for; nothing, once that has failed. */
export function activeQueryOf(client: Pick<PgClient, '_activeQuery' | 'activeQuery'>): object | undefined {
  return ('_activeQuery' in client ? client._activeQuery : client.activeQuery) ?? undefined;
}
