import type { PgClient, PgResult } from './pg-client.js';

/** How a COMMIT went. */
export type CommitOutcome =
  | { kind: 'committed'; answer: PgResult; position: PgResult | undefined; problem?: unknown }
  | { kind: 'rolled-back'; answer: PgResult }
  | { kind: 'failed'; error: unknown };

interface PgQuery {
  handleCommandComplete(message: { text: string }, connection: unknown): void;
  _result: PgResult;
}
type Callback = (error: unknown, results?: PgResult | readonly PgResult[]) => void;
type PgQueryClass = new (config: { text: string }, values: undefined, callback: Callback) => PgQuery;

/**
 * Sends COMMIT and the query for the position as one message, which costs no round trip more than COMMIT alone.
 *
 * The position must be asked for after the commit record is written, so not before COMMIT. And a failing position query
 * must not look like a failed commit: the callers would commit twice. So the first command's tag is noted as it arrives.
 */
export function captureWithCommit(client: PgClient, positionSql: string): Promise<CommitOutcome> {
  return new Promise((resolve) => {
    let committed: PgResult | undefined;
    const Query = queryClassOf(client);
    const query = new Query({ text: `COMMIT; ${positionSql}` }, undefined, (error, results) => {
      if (!committed) return resolve({ kind: 'failed', error });
      if (committed.command !== 'COMMIT') return resolve({ kind: 'rolled-back', answer: committed });
      const position = Array.isArray(results) ? (results[1] as PgResult) : undefined;
      resolve({ kind: 'committed', answer: committed, position, problem: error ?? undefined });
    });
    const complete = query.handleCommandComplete;
    query.handleCommandComplete = (message, connection) => {
      complete.call(query, message, connection);
      committed ??= query._result;
    };
    client.query(query);
  });
}

/** `pg.Query`, by way of the client, so that it is the very `pg` that TypeORM has loaded. */
function queryClassOf(client: PgClient): PgQueryClass {
  return (client.constructor as unknown as { Query: PgQueryClass }).Query;
}
