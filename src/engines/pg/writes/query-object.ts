import type { PgCursor } from '../internals.js';

/** What sends itself, or answers by itself. */
export interface QueryObject {
  readonly text?: unknown;
  /** Of pg-query-stream. */
  readonly cursor?: PgCursor;
  readonly submit?: unknown;
  readonly callback?: unknown;
  on?(event: string, listener: () => void): void;
}

/** The text of what node-postgres sends and answers itself. */
export function textOf(query: unknown): string | undefined {
  if (typeof query === 'string') return query;
  const { text, submit, callback } = (query ?? {}) as QueryObject;
  return typeof text === 'string' && submit === undefined && callback === undefined ? text : undefined;
}
