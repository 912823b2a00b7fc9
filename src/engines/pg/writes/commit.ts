import { endsSession, isSqlState } from '../failure.js';
import { queryClassOf, type PgClient, type PgResult, type RawRow } from '../internals.js';
import { askRow } from './question.js';
import { rowQueryOf } from './row-query.js';

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
 */
export function captureWithCommit(client: PgClient, positionSql: string): Promise<CommitOutcome> {
  const Query = queryClassOf(client);
  if (!Query) return captureAfterCommit(client, positionSql);
  const OneRow = rowQueryOf(Query);
  return new Promise((resolve) => {
    let first: PgResult | undefined;
    const complete = (message: { text: string }): void => {
      if (first) return;
      const query = new Query('COMMIT');
      query.handleCommandComplete(message, undefined);
      first = query._result;
    };
    const answered = (error: unknown, position: RawRow | undefined): void => {
      if (!first) return resolve({ kind: 'failed', error: error ?? new Error(NO_ANSWER) });
      if (first.command !== 'COMMIT') return resolve({ kind: 'rolled-back', answer: first });
      resolve({ kind: 'committed', answer: first, position, problem: error });
    };
    client.query(new OneRow(`COMMIT; ${positionSql}`, answered, { onComplete: complete }));
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
    return { kind: 'committed', answer, position: await askRow(client, positionSql) };
  } catch (problem) {
    return { kind: 'committed', answer, position: undefined, problem };
  }
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
 * says nothing of the statement: a time-out that passes while COMMIT is at work is told when that is done. And a server may
 * say that it does not know (40003).
 */
export function isServersAnswer(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return isSqlState(code) && !/^(?:08|40003|57P0|25P0[34])/.test(code) && !endsSession(error);
}
