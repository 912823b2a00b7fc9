import type { PgQuery, PgQueryClass, QueryCallback } from '../internals.js';

/**
 * A query as node-postgres' client gets it. All that answers it are properties of its own: instrumentations hand on copies
 * of queries with another text, and a copy has nothing of a prototype.
 */
export interface Submittable extends PgQuery {
  readonly inner: Inner;
}

interface Inner extends PgQuery {
  outer?: Submittable | undefined;
}

/** Makes a query one for the client, which tells `callback` what came of it. */
export function submittable(Query: PgQueryClass, inner: PgQuery, callback: QueryCallback): Submittable {
  const { text, values, _result } = inner;
  // An instance of the class: no other is let through in pipeline mode.
  const outer = Object.create(Query.prototype as object) as object;
  return Object.assign(outer, HANDLERS, { inner, text, values, _result, callback }) as Submittable;
}

/** The callback is what the client, or an instrumentation around it, has made of the given one. */
function link(outer: Submittable): Inner {
  const { inner } = outer;
  inner.outer = outer;
  inner.callback = tellOuter;
  return inner;
}

/** Lets go of what it tells: two that hold one another, and a request, would outlive quick collections of garbage. */
function tellOuter(this: Inner, error: unknown, answer: unknown): void {
  const { outer } = this;
  this.outer = undefined;
  outer?.callback?.(error, answer);
}

const FORWARDED = [
  'handleRowDescription',
  'handleDataRow',
  'handleCommandComplete',
  'handlePortalSuspended',
  'handleEmptyQuery',
  'handleReadyForQuery',
  'handleCopyInResponse',
  'handleCopyData',
] as const;

const HANDLERS = {
  ...Object.fromEntries(FORWARDED.map((name) => [name, forward(name)])),
  submit(this: Submittable, connection: unknown): unknown {
    const inner = link(this);
    inner.text = this.text;
    if (this.binary) inner.binary = true;
    return inner.submit(connection);
  },
  handleError(this: Submittable, error: unknown, connection: unknown): void {
    link(this).handleError(error, connection);
  },
};

function forward(name: (typeof FORWARDED)[number]) {
  return function (this: Submittable, first: never, second: never): void {
    this.inner[name](first, second);
  };
}
