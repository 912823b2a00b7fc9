import {
  activeQueryOf,
  queryClassOf,
  UNANSWERED,
  type PgClient,
  type PgQuery,
  type PgQueryClass,
  type RawRow,
  type Release,
  type Unanswered,
} from '../internals.js';
import { isServersAnswer } from './commit.js';
import { provenOf } from './proven-primary.js';
import { askRow, rawQuery, type RawAnswer } from './question.js';
import { submittable, write, type Submittable } from './submittable.js';
import type { PositionQuestion } from '../pg-server.js';

/** What the question that was sent with a write was answered. */
export interface AheadAnswer {
  readonly row: RawRow | undefined;
  /** Why there is no row. */
  readonly problem: unknown;
}

interface Written extends AheadAnswer {
  /** Of the write. */
  readonly answer: unknown;
}

/**
 * Sends a write that commits by itself, and has the position behind it asked for in the way that costs least. `undefined`:
 * on this connection that cannot be done, or not now.
 */
export function sendForPosition(
  client: PgClient,
  [text, values]: readonly unknown[],
  position: PositionQuestion,
): Promise<Written> | undefined {
  const shared = provenOf(client)?.shared;
  const Query = queryClassOf(client);
  if (!shared || !Query || typeof text !== 'string' || !canSendAhead(client)) return undefined;
  const query = new Query(text, values);
  const isAnswered = shared.begin();
  if (!shared.isWorthwhile || !position.isAllElseKnown)
    return sendAskingAhead({ client, Query, query, isAnswered }, position.sql);
  return sendSharing({ client, Query, query, isAnswered }, () =>
    // Another connection may have failed, not this one.
    shared.ask(() => askRow(client, position.sql)).catch(() => askRow(client, position.sql)),
  );
}

interface Write {
  readonly client: PgClient;
  readonly Query: PgQueryClass;
  readonly query: PgQuery;
  readonly isAnswered: () => void;
}

/** Sends a write alone. What is asked once it is committed answers for others as well. */
async function sendSharing(
  { client, Query, query, isAnswered }: Write,
  ask: () => Promise<RawRow | undefined>,
): Promise<Written> {
  const answer = await new Promise((resolve, reject) => {
    const callback = (error: unknown, result: unknown): void => {
      isAnswered();
      if (error) reject(error as Error);
      else resolve(result);
    };
    client.query(submittable(Query, query, { callback }));
  });
  try {
    return { answer, row: await ask(), problem: undefined };
  } catch (problem) {
    return { answer, row: undefined, problem };
  }
}

/**
 * Sends a write, and in the same packet a question that the server answers once the write is committed: two queries, each
 * with an end of its own, in one round trip. A write that fails is told at once, and the question is answered all the
 * same, see {@link releaseWhenAnswered}.
 */
function sendAskingAhead({ client, Query, query, isAnswered }: Write, question: string): Promise<Written> {
  return new Promise((resolve, reject) => {
    let answer: unknown;
    let isOver: ((problem: unknown) => void) | undefined;
    const callback = (error: unknown, result: unknown): void => {
      isAnswered();
      if (!error) return void (answer = result);
      isOver ??= expectAnswer(client);
      reject(error as Error);
    };
    const answered = ({ row, error: problem }: RawAnswer): void => {
      isOver?.(problem);
      resolve({ answer, row, problem });
    };
    const writing = submittable(Query, query, { callback });
    const isLimited = Boolean(client.connectionParameters?.query_timeout);
    const limit = isLimited ? { query_timeout: LONGEST_MS } : undefined; // a timer holds what waits for it
    const asking = rawQuery(Query, { text: question, ...limit }, answered);
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
  return client.readyForQuery === true && client.pipeline !== true && 'queryQueue' in client;
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
