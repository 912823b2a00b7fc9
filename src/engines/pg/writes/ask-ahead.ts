import {
  activeQueryOf,
  queryClassOf,
  UNANSWERED,
  type ActiveQuery,
  type PgClient,
  type QueryCallback,
  type RawRow,
  type Release,
  type Unanswered,
} from '../internals.js';
import type { PositionQuestion } from '../pg-server.js';
import { isServersAnswer } from './commit.js';
import { provenOf } from './proven-primary.js';
import { askRow } from './question.js';
import { rowQueryOf, type RowQuery } from './row-query.js';

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
  const isAnswered = shared.begin();
  const write: Write = { client, text, values, isAnswered };
  if (!shared.isWorthwhile || !position.isAllElseKnown)
    return sendAskingAhead(write, rowQueryOf(Query), position.sql);
  return sendSharing(write, () =>
    // Another connection may have failed, not this one.
    shared.ask(() => askRow(client, position.sql)).catch(() => askRow(client, position.sql)),
  );
}

interface Write {
  readonly client: PgClient;
  readonly text: string;
  readonly values: unknown;
  readonly isAnswered: (asks?: boolean) => void;
}

/** Sends a write alone. What is asked once it is committed answers for others as well. */
async function sendSharing(write: Write, ask: () => Promise<RawRow | undefined>): Promise<Written> {
  const { isAnswered } = write;
  const answer = await new Promise((resolve, reject) => {
    const callback = (error: unknown, result: unknown): void => {
      isAnswered(!error);
      if (error) reject(error as Error);
      else resolve(result);
    };
    send(write, callback);
  });
  return askFor(answer, ask);
}

async function askFor(answer: unknown, ask: () => Promise<RawRow | undefined>): Promise<Written> {
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
function sendAskingAhead(
  write: Write,
  OneRow: ReturnType<typeof rowQueryOf>,
  question: string,
): Promise<Written> {
  const { client, isAnswered } = write;
  return new Promise((resolve, reject) => {
    let answer: unknown;
    let isWritten = false;
    let isAsked = false;
    let isOver: ((problem: unknown) => void) | undefined;
    const written = (error: unknown, result: unknown): void => {
      isAnswered();
      isWritten = true;
      answer = result;
      if (error) {
        if (!isAsked) isOver ??= expectAnswer(client);
        reject(error as Error);
      } else if (isAsked) resolve(askFor(answer, () => askRow(client, question)));
    };
    const asked = (error: unknown, row: RawRow | undefined): void => {
      isAsked = true;
      isOver?.(error);
      // Otherwise something around the client has held back the write, and not the question.
      if (isWritten) resolve({ answer, row, problem: error });
    };
    const isLimited = Boolean(client.connectionParameters?.query_timeout);
    // Without need none: a timer holds what waits for it.
    const asking = new OneRow(question, asked, isLimited ? { query_timeout: LONGEST_MS } : undefined);
    sendBoth(write, written, asking);
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

function send({ client, text, values, isAnswered }: Write, callback: QueryCallback): void {
  try {
    client.query(text, values, callback);
  } catch (error) {
    isAnswered();
    throw error;
  }
}

function sendBoth(write: Write, written: QueryCallback, asking: RowQuery): void {
  const { client, text } = write;
  const stream = client.connection?.stream;
  stream?.cork();
  try {
    send(write, written);
    client.query(asking);
    // Instrumentations may send statements of their own between the two: then it is sent when it is its turn.
    const [next] = (queueOf(client) ?? []) as readonly Partial<RowQuery>[];
    if (next?.asked === asking.asked && isOf(text, activeQueryOf(client))) next.submit?.(client.connection);
  } finally {
    stream?.uncork();
  }
}

/** Instrumentations add comments. */
function isOf(text: string, sent: ActiveQuery | undefined): boolean {
  return sent?.text === text || (typeof sent?.text === 'string' && sent.text.includes(text));
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
