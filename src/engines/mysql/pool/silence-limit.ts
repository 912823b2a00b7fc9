import { watchSilence } from '../../pool/watch-silence.js';
import { stateOf } from '../connection.js';
import type { SetUp } from '../sessions/set-up.js';

/**
 * Looks after a connection when its server, asked for something, says nothing for so long. mysql2's own `timeout` leaves the
 * statement running, and the next one waiting for it.
 */
export function limitSilence(limitMs: number): SetUp {
  return (connection) => {
    const watched = {
      stream: connection.stream,
      // A stream whose reader takes its time is paused, and the server owes it nothing.
      waitsForServer: () => Boolean(connection._command) && !connection._paused,
      isAtWork: async () => (await stateOf(connection).backend?.isAtWork()) ?? false,
      cancel: () => stateOf(connection).backend?.cancel(),
    };
    watchSilence(watched, limitMs, () => new SilenceError(limitMs));
    return Promise.resolve();
  };
}

class SilenceError extends Error {
  readonly code = 'PROTOCOL_SILENCE';
  constructor(limitMs: number) {
    super(`The server has said nothing for ${limitMs} ms.`);
  }
}
