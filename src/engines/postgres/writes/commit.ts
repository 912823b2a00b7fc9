import {
  queryClassOf,
  type PgClient,
  type PgQuery,
  type PgQueryClass,
  type PgResult,
  type RawRow,
} from '../internals.js';
import { endsSession, isSqlState } from '../failure.js';

/** How a COMMIT went. */
export type CommitOutcome =
  | { kind: 'committed'; answer: PgResult; position: RawRow | undefined; problem?: unknown }
  | { kind: 'rolled-back'; answer: PgResult }
  | { kind: 'failed'; error: unknown };

/**
 * Sends COMMIT and the query for the position as one message, which costs no round trip more than COMMIT alone.
 *
 * The position must be asked for after the commit record is written, so not before COMMIT. And a failing position query
 * must not look like a failed commit: the callers would commit twice. So the first command's tag is noted as it arrives.
 * The position's row is taken as it arrives too: to make a result of it takes longer than to read it.
 */
export function captureWithCommit(client: PgClient, positionSql: string): Promise<CommitOutcome> {
  const Query = queryClassOf(client);
  if (!Query) return captureAfterCommit(client, positionSql);
  return new Promise((resolve) => {
    sendRaw({ client, Query, text: `COMMIT; ${positionSql}` }, ({ first, row, error }) => {
      if (!first) return resolve({ kind: 'failed', error: error ?? new Error(NO_ANSWER) });
      if (first.command !== 'COMMIT') return resolve({ kind: 'rolled-back', answer: first });
      resolve({ kind: 'committed', answer: first, position: row, problem: error });
    });
  });
}

/** What came of a text. */
interface RawAnswer {
  /** Of the first command. */
  readonly first: PgResult | undefined;
  /** The last one. */
  readonly row: RawRow | undefined;
  readonly error: unknown;
}

interface RawQuery {
  readonly client: PgClient;
  readonly Query: PgQueryClass;
  readonly text: string;
}

function sendRaw({ client, Query, text }: RawQuery, done: (answer: RawAnswer) => void): void {
  let first: PgResult | undefined;
  let row: RawRow | undefined;
  const query = new Query(text, undefined, (error) => done({ first, row, error: error ?? undefined }));
  const complete = query.handleCommandComplete;
  const handlers: Partial<PgQuery> = {
    handleRowDescription: () => undefined,
    handleDataRow: ({ fields }) => void (row = fields),
    handleCommandComplete: (message, connection) => {
      if (first) return;
      complete.call(query, message, connection);
      first = query._result;
    },
  };
  client.query(Object.assign(query, handlers));
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
    return { kind: 'committed', answer, position: await askRow(client, positionSql) };
  } catch (problem) {
    return { kind: 'committed', answer, position: undefined, problem };
  }
}

/** Asks for one row. */
export async function askRow(client: PgClient, sql: string): Promise<RawRow | undefined> {
  const Query = queryClassOf(client);
  if (!Query) {
    const { rows } = (await client.query({ text: sql, rowMode: 'array' })) as { rows: readonly RawRow[] };
    return rows[0];
  }
  return new Promise((resolve, reject) => {
    sendRaw({ client, Query, text: sql }, ({ row, error }) => (error ? reject(error) : resolve(row)));
  });
}

/** What a statement, and the question after it in the same transaction, were answered. */
export interface AskedAnswer {
  readonly answer: PgResult;
  /** `undefined`: the question was not answered. */
  readonly row: RawRow | undefined;
}

/**
 * Sends a statement, and a question after it under one Sync: both are one transaction, and one round trip. `undefined`:
 * this client cannot (pg-native).
 */
export function sendAsking(
  client: PgClient,
  [config, values]: readonly unknown[],
  question: string,
): Promise<AskedAnswer> | undefined {
  const Query = queryClassOf(client);
  if (!Query || typeof Query.prototype._getRows !== 'function') return undefined;
  return new Promise((resolve, reject) => {
    let answer: PgResult | undefined;
    let row: RawRow | undefined;
    const query = new Query(config, values, (error) =>
      error ? reject(error) : resolve({ answer: answer as PgResult, row }),
    );
    const { handleCommandComplete, handleDataRow } = Query.prototype;
    const handlers: Partial<PgQuery> = {
      requiresPreparation: () => true, // a text without values, too
      _getRows: (connection) => {
        connection.execute({ portal: '' });
        connection.parse({ text: question });
        connection.bind({});
        connection.execute({ portal: '' });
        connection.sync();
      },
      handleDataRow(message) {
        if (answer) row = message.fields;
        else handleDataRow.call(query, message);
      },
      handleCommandComplete(message, connection) {
        if (answer) return;
        handleCommandComplete.call(query, message, connection);
        answer = query._result;
      },
    };
    client.query(Object.assign(query, handlers));
  });
}

export async function sendCommit(client: PgClient, text: string): Promise<CommitOutcome> {
  try {
    const answer = (await client.query(text)) as PgResult;
    return answer.command === 'COMMIT'
      ? { kind: 'committed', answer, position: undefined }
      : { kind: 'rolled-back', answer };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** What the caller of COMMIT is told. */
export function answerOf(outcome: CommitOutcome): PgResult {
  if (outcome.kind === 'failed') throw outcome.error;
  return outcome.answer;
}

/**
 * Whether the server itself has said that the statement failed, so that nothing of it was committed. What ends the session
 * says nothing of the statement: a time-out that passes while COMMIT is at work is told when that is done.
 */
export function isServersAnswer(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return isSqlState(code) && !/^(?:08|57P0|25P0[34])/.test(code) && !endsSession(error);
}
