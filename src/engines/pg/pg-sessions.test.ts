import { describe, expect, it } from '@jest/globals';
import { pgSessions } from './pg-sessions.js';

describe('a connection on which a query has failed', () => {
  const waiting = { readyForQuery: false, _activeQuery: {} };
  const failed = { readyForQuery: false, _activeQuery: null };

  it('may be ending until the server says that it is ready for another query', () => {
    expect(pgSessions.mayBeEnding(failed)).toBe(true);
    expect(pgSessions.mayBeEnding({ readyForQuery: false, activeQuery: null })).toBe(true); // its name in older versions
    expect(pgSessions.mayBeEnding({ ...failed, readyForQuery: true })).toBe(false);
  });

  it('is not ending while another query is under way, or where nothing is known (pg-native)', () => {
    expect(pgSessions.mayBeEnding(waiting)).toBe(false);
    expect(pgSessions.mayBeEnding({})).toBe(false);
  });
});

describe('a text of the application', () => {
  it.each([
    ['SELECT pg_advisory_lock(1)', true],
    ['SELECT PG_TRY_ADVISORY_XACT_LOCK_SHARED(1)', true],
    ['SELECT pg_advisory_unlock(1)', false],
    ['SELECT my_pg_advisory_lock(1)', false],
    [`SELECT * FROM advisory`, false],
  ])('%s takes an advisory lock: %s', (text, takes) => {
    expect(pgSessions.traitsOf(text).takesLock).toBe(takes ? 'An advisory lock' : undefined);
  });

  it.each([
    ['BEGIN', 'transaction'],
    [' /* why */ -- how\n start  transaction', 'transaction'],
    ['SELECT 1; BEGIN', 'transaction'],
    [`SET work_mem = '1MB'`, 'settings'],
    ['/* why */ PREPARE a AS SELECT 1', 'settings'],
    [`SELECT set_config('a.b', 'c', false)`, 'settings'],
    ['SELECT 1 AS n INTO TEMP mine', 'settings'],
    ['SELECT 1 AS n\nINTO LOCAL TEMPORARY TABLE mine', 'settings'],
    ['CREATE TABLE pg_temp.mine (n int)', 'settings'],
    ["UPDATE pg_settings SET setting = '1' WHERE name = 'jit'", 'settings'],
    ['SELECT temperature, temp FROM into_temp', undefined],
    ['INSERT INTO temperature SELECT 1', undefined],
    ['SELECT 1', undefined],
    ['/* BEGIN */ SELECT 1', undefined],
    ['SELECT beginning FROM events', undefined],
  ])('%s binds its session: %s', (text, binds) => {
    expect(pgSessions.traitsOf(text).binds).toBe(binds);
  });

  // One that could be matched in many ways would not come to an end.
  it.each([
    '/**/'.repeat(5_000),
    '--\n'.repeat(5_000),
    ' '.repeat(50_000),
    '/*'.repeat(5_000),
    ';'.repeat(2_000),
    `into${' '.repeat(2_000)}temp`.repeat(20),
  ])('may be long', (comments) => {
    expect(pgSessions.traitsOf(`${comments}x`).binds).toBeUndefined();
  });
});
