import { describe, expect, it } from '@jest/globals';
import { limitsQueries, withConnectTimeout } from './with-connect-timeout.js';

const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 };
const BOTH = { connectTimeoutMS: 3_000, extra: KEEP_ALIVE };

describe('a replica pool waits no longer for a connection than the options say', () => {
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
      'with a limit in the url',
      { url: 'postgres://h/db?connectionTimeoutMillis=1' },
      { url: 'postgres://h/db?connectionTimeoutMillis=1', extra: KEEP_ALIVE },
    ],
    [
      'without keep-alive',
      { extra: { keepAlive: false } },
      { ...BOTH, extra: { ...BOTH.extra, keepAlive: false } },
    ],
  ])('%s', (_how, given, expected) => {
    const driver = { type: 'postgres', ...given };
    expect(withConnectTimeout(driver, 3_000)).toEqual({ type: 'postgres', ...expected });
  });

  it("but other drivers' options are not known here", () => {
    const driver = { type: 'mysql' };
    expect(withConnectTimeout(driver, 3_000)).toBe(driver);
  });
});

describe("a limit on queries is the user's own", () => {
  it.each<[string, object, boolean]>([
    ['by default', {}, false],
    ["with pg's query_timeout", { extra: { query_timeout: 0 } }, true],
    ["with the server's statement_timeout", { extra: { statement_timeout: 1 } }, true],
    ['with a limit in the url', { url: 'postgres://h/db?statement_timeout=1' }, true],
  ])('%s', (_how, given, expected) => {
    expect(limitsQueries({ type: 'postgres', ...given })).toBe(expected);
  });
});
