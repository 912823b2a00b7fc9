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
type PgQueryClass = new (text: string, values: undefined, callback: Callback) => PgQuery;

/**
 * Sends COMMIT and the query for the position as one message, which costs no round trip more than COMMIT alone.
 *
 * The position must be asked for after the commit record is written, so not before COMMIT. And a failing position query
 * must not look like a failed commit: the callers would commit twice. So the first command's tag is noted as it arrives.
 */
export function captureWithCommit(client: PgClient, positionSql: string): Promise<CommitOutcome> {
  const Query = queryClassOf(client);
  if (!Query) return captureAfterCommit(client, positionSql);
  return new Promise((resolve) => {
    let committed: PgResult | undefined;
    const query = new Query(`COMMIT; ${positionSql}`, undefined, (error, results) => {
      if (!committed) return resolve({ kind: 'failed', error: error ?? new Error(NO_ANSWER) });
      if (committed.command !== 'COMMIT') return resolve({ kind: 'rolled-back', answer: committed });
      const position = Array.isArray(results) ? (results[1] as PgResult) : undefined;
      resolve({ kind: 'committed', answer: committed, position, problem: error ?? undefined });
    });
    const complete = query.handleCommandComplete;
    const completeFirst: typeof complete = (message, connection) => {
      complete.call(query, message, connection);
      committed ??= query._result;
    };
    query.handleCommandComplete = completeFirst; // Not a literal: see `connectRunner`.
    client.query(query);
  });
}

const NO_ANSWER = 'The server gave no answer to COMMIT.';

/** For clients that do not show the answers of a message one by one (pg-native): one round trip more. */
async function captureAfterCommit(client: PgClient, positionSql: string): Promise<CommitOutcome> {
  let answer: PgResult;
  try {
    answer = (await client.query('COMMIT')) as PgResult;
  } catch (error) {
    return { kind: 'failed', error };
  }
  if (answer.command !== 'COMMIT') return { kind: 'rolled-back', answer };
  try {
    return { kind: 'committed', answer, position: (await client.query(positionSql)) as PgResult };
  } catch (problem) {
    return { kind: 'committed', answer, position: undefined, problem };
  }
}

/** `pg.Query`, by way of the client, so that it is the very `pg` that TypeORM has loaded. */
function queryClassOf(client: PgClient): PgQueryClass | undefined {
  const { Query } = client.constructor as unknown as { Query?: PgQueryClass };
  const prototype = Query?.prototype as Partial<PgQuery> | undefined;
  return typeof prototype?.handleCommandComplete === 'function' ? Query : undefined;
}
