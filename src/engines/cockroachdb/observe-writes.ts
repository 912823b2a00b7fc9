import type { WriteWatch } from '../../engine.js';
import { observePgWrites } from '../pg/writes/observed-client.js';
import type { PositionQuestion } from '../pg/pg-server.js';

/** Tells `watch` of commits. The server is asked nothing. */
export function observeWrites(connection: unknown, watch: WriteWatch): unknown {
  return observePgWrites(connection, new TimedWatch(watch), () => NO_POSITION);
}

/** Of writes it is known that they were, and when. */
class TimedWatch implements WriteWatch {
  readonly wantsPosition = false;
  readonly isRaw: WriteWatch['isRaw'];
  readonly transaction: WriteWatch['transaction'];
  readonly committed: WriteWatch['committed'];

  constructor(private readonly watch: WriteWatch) {
    this.isRaw = (text) => watch.isRaw(text);
    this.transaction = (isOpen) => watch.transaction(isOpen);
    this.committed = (captured, about) => watch.committed(captured, about);
  }

  get isListening(): boolean {
    return this.watch.isListening;
  }
}

const NO_POSITION: PositionQuestion = { sql: '', isAllElseKnown: false, read: () => undefined };
