import { describe, expect, it } from '@jest/globals';
import { withReplicaTimeouts } from './with-replica-timeouts.js';

const MONITOR = { connectTimeoutMs: 3_000, queryTimeoutMs: 30_000 };
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };
const BOTH = { connectTimeoutMS: 3_000, extra: { ...KEEP_ALIVE, query_timeout: 30_000 } };

describe('a replica pool waits no longer than the options say', () => {
  it.each<[string, object, object]>([
    ['by default', {}, BOTH],
    ['with other options', { extra: { max: 2 } }, { ...BOTH, extra: { ...BOTH.extra, max: 2 } }],
    ["with the driver's connectTimeoutMS", { connectTimeoutMS: 1 }, { ...BOTH, connectTimeoutMS: 1 }],
    [
      "with pg's connectionTimeoutMillis",
      { extra: { connectionTimeoutMillis: 0 } },
      { extra: { ...BOTH.extra, connectionTimeoutMillis: 0 } },
    ],
    [
      "with pg's query_timeout",
      { extra: { query_timeout: 0 } },
      { ...BOTH, extra: { ...KEEP_ALIVE, query_timeout: 0 } },
    ],
    [
      "with the server's statement_timeout",
      { extra: { statement_timeout: 1 } },
      { ...BOTH, extra: { ...KEEP_ALIVE, statement_timeout: 1 } },
    ],
    [
      'with a limit in the url',
      { url: 'postgres://h/db?statement_timeout=1' },
      { ...BOTH, url: 'postgres://h/db?statement_timeout=1', extra: KEEP_ALIVE },
    ],
    [
      'without keep-alive',
      { extra: { keepAlive: false } },
      { ...BOTH, extra: { ...BOTH.extra, keepAlive: false } },
    ],
  ])('%s', (_how, given, expected) => {
    const driver = { type: 'postgres', ...given };
    expect(withReplicaTimeouts(driver, MONITOR)).toEqual({ type: 'postgres', ...expected });
  });

  it("but other drivers' options are not known here", () => {
    const driver = { type: 'mysql' };
    expect(withReplicaTimeouts(driver, MONITOR)).toBe(driver);
  });
});
