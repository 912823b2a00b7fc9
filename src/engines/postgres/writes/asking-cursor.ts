import type { QueryObject } from './query-object.js';
import { XACT_ID_SQL } from './xact-id.js';

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

/** Whether it is a cursor, which sends its Sync itself, so that something can be sent before. */
export function isCursor(query: QueryObject): query is AskingCursor {
  return (
    query.cursor !== undefined &&
    HANDLERS.every((name) => typeof (query as Partial<CursorHandlers>)[name] === 'function')
  );
}

/** Hears what the transaction of a cursor has done. */
export interface CursorWatch {
  /** `undefined`: the server did not say. The cursor ends when the promise has settled. */
  ended(wrote: boolean | undefined): void | Promise<void>;
  /** Its reader has left: what was done until then is committed. */
  noteUnseen(): void;
  failed(error: unknown): void;
}

/** Has a cursor, before the Sync that ends its transaction, ask whether that has written. */
export function askAtEnd(cursor: AskingCursor, watch: CursorWatch): void {
  const { submit, handleDataRow, handleCommandComplete, handleError, handleReadyForQuery } = cursor;
  let phase: 'under-way' | 'complete' | 'asked' | 'over' = 'under-way';
  let wrote: boolean | undefined;
  const beforeSync = (connection: CursorConnection): void => {
    if (phase === 'under-way') watch.noteUnseen();
    if (phase === 'complete') ask(connection);
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

function ask(connection: CursorConnection): void {
  connection.parse({ text: XACT_ID_SQL }, true);
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
