import {
  activeQueryOf,
  PROVEN,
  queryClassOf,
  UNANSWERED,
  type PgClient,
  type RawRow,
  type Release,
  type Unanswered,
} from '../internals.js';
import { isServersAnswer } from './commit.js';
import { rawQuery, type RawAnswer } from './question.js';
import { submittable, write, type Submittable } from './submittable.js';

/** What the question that was sent with a write was answered. */
export interface AheadAnswer {
  readonly row: RawRow | undefined;
  /** Why there is no row. */
  readonly problem: unknown;
}

/**
 * Sends a write, and in the same packet a question that the server answers once the write is committed: two queries, each
 * with an end of its own, in one round trip. A write that fails is told at once, and the question is answered all the
 * same, see {@link releaseWhenAnswered}. `undefined`: on this connection that cannot be done, or not now.
 */
export function sendAskingAhead(
  client: PgClient,
  [text, values]: readonly unknown[],
  question: string,
): Promise<AheadAnswer & { readonly answer: unknown }> | undefined {
  const Query = queryClassOf(client);
  if (!Query || typeof text !== 'string' || !canSendAhead(client)) return undefined;
  return new Promise((resolve, reject) => {
    let answer: unknown;
    let isOver: ((problem: unknown) => void) | undefined;
    const callback = (error: unknown, result: unknown): void => {
      if (!error) return void (answer = result);
      isOver ??= expectAnswer(client);
      reject(error as Error);
    };
    const answered = ({ row, error: problem }: RawAnswer): void => {
      isOver?.(problem);
      resolve({ answer, row, problem });
    };
    const writing = submittable(Query, new Query(text, values), { callback });
    const asking = rawQuery(Query, { text: question, query_timeout: LONGEST_MS }, answered);
    sendBoth(client, writing, asking);
  });
}

/**
 * node-postgres would take a query that times out before its turn out of its queue, although its messages are sent: the
 * next one would get its answer.
 */
const LONGEST_MS = 2_147_483_647;

/** Only where nothing is under way: then no transaction can begin before the write, and its question is next in line. */
function canSendAhead(client: PgClient): boolean {
  return (
    client.readyForQuery === true &&
    client.pipeline !== true &&
    client[PROVEN]?.isDirect === true &&
    'queryQueue' in client
  );
}

function sendBoth(client: PgClient, writing: Submittable, asking: Submittable): void {
  const stream = client.connection?.stream;
  stream?.cork();
  try {
    client.query(writing);
    client.query(asking);
    // Instrumentations may send statements of their own between the two: then it is sent when it is its turn.
    if (!isOf(writing, activeQueryOf(client)) || !isOf(asking, queueOf(client)?.[0])) return;
    asking.inner.isSent = true;
    write(asking, client.connection);
  } finally {
    stream?.uncork();
  }
}

function isOf({ inner }: Submittable, sent: object | undefined): boolean {
  return (sent as Partial<Submittable> | undefined)?.inner === inner;
}

function queueOf(client: PgClient): readonly object[] | undefined {
  return '_queryQueue' in client ? client._queryQueue : client.queryQueue;
}

/** Notes that a failed write has left the client with a question, until the function that it returns is called. */
function expectAnswer(client: PgClient): (problem: unknown) => void {
  const unanswered: Unanswered = (client[UNANSWERED] ??= { count: 0 });
  unanswered.count += 1;
  return (problem) => {
    unanswered.count -= 1;
    if (unanswered.count === 0) unanswered.onNone?.(isServersAnswer(problem) ? undefined : problem);
  };
}

/** Gives a connection back to its pool once nothing is left to answer on it; one that takes too long is destroyed. */
export function releaseWhenAnswered(client: PgClient, release: Release, why: unknown): void {
  const { [UNANSWERED]: unanswered } = client;
  if (why || !unanswered?.count) return release(why);
  const end = (problem: unknown): void => {
    clearTimeout(timer);
    unanswered.onNone = undefined;
    release(problem);
  };
  const timer = setTimeout(() => end(new Error(TOO_LATE)), ANSWER_MS).unref();
  unanswered.onNone = end;
}

const ANSWER_MS = 1_000;
const TOO_LATE = `The server has not answered the question behind a failed write within ${ANSWER_MS} ms.`;
