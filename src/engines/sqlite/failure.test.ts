import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { classifySqliteFailure } from './failure.js';

const failing = (code: string) => Object.assign(new Error(code), { code });

describe('a failure of SQLite', () => {
  it.each([
    ['SQLITE_READONLY', 'read-only'],
    ['SQLITE_READONLY_DBMOVED', 'read-only'],
    ['SQLITE_CANTOPEN', 'misconfigured'],
    ['SQLITE_NOTADB', 'misconfigured'],
    ['POOL_WAIT_TIMEOUT', 'overload'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'query'],
    ['SQLITE_BUSY', 'query'],
  ])('%s is of the kind %s', (code, kind) => {
    expect(classifySqliteFailure(failing(code))).toBe(kind);
    expect(classifySqliteFailure(new QueryFailedError('INSERT', [], failing(code)))).toBe(kind);
  });

  it.each([undefined, null, 'text', new Error('none')])('may be anything: %p', (error) => {
    expect(classifySqliteFailure(error)).toBe('query');
  });
});
