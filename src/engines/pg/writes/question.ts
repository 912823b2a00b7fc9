import { queryClassOf, type PgClient, type PgQuery, type PgResult, type RawRow } from '../internals.js';
import { rowQueryOf } from './row-query.js';
import { submittable } from './submittable.js';

/** Asks for one row. */
export async function askRow(client: PgClient, sql: string): Promise<RawRow | undefined> {
  const Query = queryClassOf(client);
  if (!Query) {
    const { rows } = (await client.query({ text: sql, rowMode: 'array' })) as { rows: readonly RawRow[] };
    return rows[0];
  }
  const OneRow = rowQueryOf(Query);
  return new Promise((resolve, reject) => {
    client.query(new OneRow(sql, (error, row) => (error ? reject(error as Error) : resolve(row))));
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
    const query = new Query(config, values);
    const callback = (error: unknown): void =>
      error ? reject(error) : resolve({ answer: answer as PgResult, row });
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
    client.query(submittable(Query, Object.assign(query, handlers), callback));
  });
}
