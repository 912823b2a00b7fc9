import type { PgQueryClass, QueryCallback, RawRow } from '../internals.js';

/** What sends the one message of a text without values. */
interface SimpleProtocol {
  query(text: string): void;
}

/** How a query for one row has ended. */
type RowAnswered = (error: unknown, row: RawRow | undefined) => void;

/** What all copies of a query have in common. */
interface Asked {
  isSent: boolean;
  row: RawRow | undefined;
  /** Called once. */
  answered: RowAnswered | undefined;
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
  /** For those around the client who put one of their own in its place. */
  readonly callback: QueryCallback;
  readonly asked: Asked;
  /** Sends it, unless that is done already. */
  submit(connection: unknown): unknown;
}

type RowQueryClass = new (
  text: string,
  answered: RowAnswered,
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
    ...[text, answered, more]: ConstructorParameters<RowQueryClass>
  ) {
    this['text'] = text;
    this['callback'] = ignore;
    this['query_timeout'] = more?.query_timeout;
    this['asked'] = { isSent: false, row: undefined, answered } satisfies Asked;
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
  if (!this.asked.isSent) connection.query(this.text);
  this.asked.isSent = true;
  return null;
}

function handleDataRow(this: RowQuery, { fields }: { readonly fields: RawRow }): void {
  this.asked.row = fields;
}

function handleReadyForQuery(this: RowQuery): void {
  end(this, null);
}

function handleError(this: RowQuery, error: unknown): void {
  end(this, error);
}

function end({ asked, callback }: RowQuery, error: unknown): void {
  const { answered, row } = asked;
  asked.answered = undefined;
  answered?.(error ?? undefined, row);
  if (callback !== ignore) tell(callback, error);
}

/** What it throws must not keep node-postgres from the next message. */
function tell(callback: QueryCallback, error: unknown): void {
  try {
    if (error) callback(error);
    else callback(null, { command: 'SELECT', rowCount: 0, rows: [], fields: [] });
  } catch (thrown) {
    process.nextTick(() => {
      throw thrown;
    });
  }
}

function ignore(): void {
  // Nothing of it is needed.
}
