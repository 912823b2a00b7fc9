import { describe, expect, it } from '@jest/globals';
import { silenceLimitMs, withConnectTimeout } from './with-connect-timeout.js';

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
});

describe('a server that owes an answer may be silent', () => {
  it.each<[string, object, number | undefined]>([
    ['for queryTimeoutMs', {}, 30_000],
    ["as long as pg's query_timeout says", { extra: { query_timeout: 0 } }, undefined],
    ['for queryTimeoutMs with a shorter statement_timeout', { extra: { statement_timeout: 5_000 } }, 30_000],
    ['a little longer than a longer one', { extra: { statement_timeout: 60_000 } }, 65_000],
    ['the same in the url', { url: 'postgres://h/db?statement_timeout=60000' }, 65_000],
    ['as long as it likes with one that is no number', { extra: { statement_timeout: '5min' } }, undefined],
  ])('%s', (_how, given, expected) => {
    expect(silenceLimitMs({ type: 'postgres', ...given }, 30_000)).toBe(expected);
  });

  it.each([[{}], [{ extra: { statement_timeout: 0 } }], [{ extra: { statement_timeout: false } }]])(
    'for a short queryTimeoutMs where no statement is limited: %j',
    (given) => {
      expect(silenceLimitMs({ type: 'postgres', ...given }, 600)).toBe(600);
    },
  );
});
