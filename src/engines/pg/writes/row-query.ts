import type { PgQueryClass, QueryCallback, RawRow } from '../internals.js';

/** What sends the one message of a text without values. */
interface SimpleProtocol {
  query(text: string): void;
}

/**
 * A query for one row, which is taken as it arrives: to make a result of it takes longer than to read it. All that answers
 * it are properties of its own: instrumentations hand on copies of queries with another text, and a copy has nothing of
 * a prototype.
 */
export interface RowQuery {
  readonly text: string;
  /** `undefined`: the client's own. */
  readonly query_timeout: number | undefined;
  /** Called with the row; the client, or an instrumentation around it, may put another in its place. */
  readonly callback: QueryCallback;
  /** The same object in all copies. */
  readonly sending: { isDone: boolean };
  row: RawRow | undefined;
  /** Sends it, unless that is done already. */
  submit(connection: unknown): unknown;
}

type RowQueryClass = new (
  text: string,
  callback: QueryCallback,
  more?: {
    readonly query_timeout?: number | undefined;
    /** Of each of several statements in the text. */
    readonly onComplete?: (message: { text: string }) => void;
  },
) => RowQuery;

/** For each version of node-postgres that is in use. */
const classes = new WeakMap<PgQueryClass, RowQueryClass>();

/** Instances are instances of `Query`: no others are let through in pipeline mode. */
export function rowQueryOf(Query: PgQueryClass): RowQueryClass {
  let known = classes.get(Query);
  if (!known) classes.set(Query, (known = makeClass(Query)));
  return known;
}

function makeClass({ prototype }: PgQueryClass): RowQueryClass {
  // Not the constructor of `Query`, which makes a result.
  function OneRow(
    this: Record<string, unknown>,
    ...[text, callback, more]: ConstructorParameters<RowQueryClass>
  ) {
    this['text'] = text;
    this['callback'] = callback;
    this['query_timeout'] = more?.query_timeout;
    this['sending'] = { isDone: false };
    this['row'] = undefined;
    this['submit'] = submit;
    this['handleRowDescription'] = ignore;
    this['handleDataRow'] = handleDataRow;
    this['handleCommandComplete'] = more?.onComplete ?? ignore;
    this['handleReadyForQuery'] = handleReadyForQuery;
    this['handleError'] = handleError;
    this['handlePortalSuspended'] = ignore;
    this['handleEmptyQuery'] = ignore;
  }
  OneRow.prototype = prototype;
  return OneRow as unknown as RowQueryClass;
}

function submit(this: RowQuery, connection: SimpleProtocol): null {
  if (!this.sending.isDone) connection.query(this.text);
  this.sending.isDone = true;
  return null;
}

function handleDataRow(this: RowQuery, { fields }: { readonly fields: RawRow }): void {
  this.row = fields;
}

function handleReadyForQuery(this: RowQuery): void {
  this.callback(null, this.row);
}

function handleError(this: RowQuery, error: unknown): void {
  this.callback(error);
}

function ignore(): void {
  // Nothing of it is needed.
}
