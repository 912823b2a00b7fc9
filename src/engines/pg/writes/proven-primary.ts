import type { RawRow } from '../internals.js';
import type { SharedQuestion } from './shared-question.js';

/** What a connection to the primary has found there when it was opened. */
export interface ProvenPrimary {
  /**
   * Asks for the number of the transaction that asks, which the server gives it when it first writes: whatever has
   * written, a function or a trigger, and whatever the text looks like. `undefined`: the server does not answer that, and
   * asked inside a transaction of the application it must not fail.
   */
  readonly xactIdSql: string | undefined;
  /** Of its server, when that itself is at the other end, not a pooler. */
  readonly shared: SharedQuestion<RawRow | undefined> | undefined;
}

const KEY = Symbol.for('nestjs-replicated.proven-primary');

interface Known {
  [KEY]?: ProvenPrimary;
}

export function noteProven(client: object, proven: ProvenPrimary): void {
  Object.defineProperty(client, KEY, { value: proven, configurable: true });
}

/** `undefined`: the connection was opened to another kind of server, or to one that does not tell. */
export function provenOf(client: object): ProvenPrimary | undefined {
  return (client as Known)[KEY];
}
