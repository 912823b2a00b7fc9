import type { RawRow } from '../internals.js';
import type { SharedQuestion } from './shared-question.js';

/** What a connection to the primary has found there when it was opened. */
export interface ProvenPrimary {
  /** Whether the server answers `XACT_ID_SQL`. */
  readonly tellsXactId: boolean;
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
