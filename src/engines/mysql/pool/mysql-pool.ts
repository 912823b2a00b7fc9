import type { MysqlConnection } from '../connection.js';

/** What is handed a connection, or why there is none. */
export type Take = (error: unknown, connection?: MysqlConnection) => void;

/** As much of a pool of mysql2 as is used here. */
export interface MysqlPool {
  readonly _freeConnections?: { readonly length: number; get(index: number): MysqlConnection };
  readonly _allConnections?: { readonly length: number };
  readonly _connectionQueue?: { readonly length: number };
  /** What new connections are made of. */
  readonly config?: { readonly connectionConfig: { password?: unknown } };
  getConnection(hand: Take): void;
}
