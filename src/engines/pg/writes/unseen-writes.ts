import type { PgClient } from '../internals.js';
import type { QueryObject } from './query-object.js';
import { surelyReads } from './statement.js';

/** What node-postgres calls of a query object: pg-query-stream has these as properties of its own. */
interface CursorHandlers {
  submit(connection: CursorConnection): unknown;
  handleDataRow(message: { readonly fields: readonly (Buffer | string | null)[] }): void;
  handleCommandComplete(message: unknown, connection: unknown): void;
  handleError(error: unknown, connection: unknown): void;
  handleReadyForQuery(connection: unknown): void;
}

/** The parts of node-postgres' connection with which a statement is sent. */
interface CursorConnection {
  parse(query: { readonly text: string }, more?: boolean): void;
  bind(config: object, more?: boolean): void;
  execute(config: object, more?: boolean): void;
  sync(): void;
}

type AskingCursor = QueryObject & CursorHandlers;

const HANDLERS = [
  'submit',
  'handleDataRow',
  'handleCommandComplete',
  'handleError',
  'handleReadyForQuery',
] as const;

/** What is told of what the client does by itself. */
export interface UnseenWatch {
  /** Asks the server, which ends a transaction with the cursor, whether that has written; `undefined`: it cannot be asked. */
  readonly question: string | undefined;
  /** Of a cursor; `undefined`: the server did not say. The cursor ends when the promise has settled. */
  ended(wrote: boolean | undefined): void | Promise<void>;
  /** Of a cursor, which may have written before its connection was lost. */
  failed(error: unknown): void;
  /** What was done is not known, and may be committed. */
  noteUnseen(): void;
}

/**
 * Streams, COPY and query objects get the client itself. A cursor is asked at its end; what others did is not known, so that
 * time must serve.
 */
export function passThrough(client: PgClient, args: readonly unknown[], watch: UnseenWatch): unknown {
  const [query] = args as [QueryObject];
  const text = query.text ?? query.cursor?.text;
  if (typeof text === 'string' && surelyReads(text, false)) return client.query(...args);
  const { question } = watch;
  if (question !== undefined && isCursor(query)) {
    askAtEnd(query, question, watch);
    return client.query(...args);
  }
  const answer = client.query(...args);
  watch.noteUnseen();
  let isOver = false;
  // The first of them: a stream may close when its transaction is committed already.
  const over = (): void => {
    if (!isOver) watch.noteUnseen();
    isOver = true;
  };
  for (const event of ['end', 'finish', 'close']) query.on?.(event, over);
  return answer;
}

/** Whether it is a cursor, which sends its Sync itself, so that something can be sent before. */
function isCursor(query: QueryObject): query is AskingCursor {
  return (
    query.cursor !== undefined &&
    HANDLERS.every((name) => typeof (query as Partial<CursorHandlers>)[name] === 'function')
  );
}

/** Has a cursor, before the Sync that ends its transaction, ask whether that has written. */
function askAtEnd(cursor: AskingCursor, question: string, watch: UnseenWatch): void {
  const { submit, handleDataRow, handleCommandComplete, handleError, handleReadyForQuery } = cursor;
  let phase: 'under-way' | 'complete' | 'asked' | 'over' = 'under-way';
  let wrote: boolean | undefined;
  const beforeSync = (connection: CursorConnection): void => {
    if (phase === 'under-way') watch.noteUnseen();
    if (phase === 'complete') ask(connection, question);
    phase = phase === 'complete' ? 'asked' : 'over';
  };
  cursor.submit = (connection) => submit.call(cursor, withSync(connection, beforeSync));
  cursor.handleDataRow = (message) => {
    if (phase === 'asked') wrote = message.fields[0] !== null;
    else handleDataRow.call(cursor, message);
  };
  cursor.handleCommandComplete = (message, connection) => {
    if (phase === 'asked') return;
    if (phase === 'under-way') phase = 'complete';
    handleCommandComplete.call(cursor, message, connection);
  };
  cursor.handleError = (error, connection) => {
    if (phase !== 'over') watch.failed(error);
    phase = 'over';
    handleError.call(cursor, error, connection);
  };
  cursor.handleReadyForQuery = (connection) => {
    const end = (): void => handleReadyForQuery.call(cursor, connection);
    const ending = phase === 'asked' ? watch.ended(wrote) : undefined;
    if (ending) void ending.then(end, end);
    else end();
  };
}

function ask(connection: CursorConnection, text: string): void {
  connection.parse({ text }, true);
  connection.bind({}, true);
  connection.execute({}, true);
}

/** The same connection, which has something done before each Sync. */
function withSync(
  connection: CursorConnection,
  before: (connection: CursorConnection) => void,
): CursorConnection {
  return new Proxy(connection, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === 'sync') before(target);
        return (value as (...given: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
