import { describe, expect, it } from '@jest/globals';
import type { Want } from '../cluster/routing/want.js';
import { withComment } from './query-comment.js';

const wantOf = (handler: string | undefined): Want =>
  ({
    work: { unit: { handler } },
    choice: { intent: 'replica', reason: 'read-method', ownWrites: true },
  }) as never;

describe('routing.comment', () => {
  it.each([
    ['SELECT 1', `SELECT 1 /*handler='A.b',reason='read-method'*/`],
    ['select 1 ;\n', `select 1 /*handler='A.b',reason='read-method'*/`],
    ['WITH a AS (SELECT 1) SELECT 2', `WITH a AS (SELECT 1) SELECT 2 /*handler='A.b',reason='read-method'*/`],
    ['INSERT INTO a VALUES ($1)', `INSERT INTO a VALUES ($1) /*handler='A.b',reason='read-method'*/`],
  ])('%j becomes %j', (sql, commented) => {
    expect(withComment(sql, wantOf('A.b'))).toBe(commented);
  });

  it.each([
    'START TRANSACTION',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT typeorm_1',
    'SET search_path = a',
    'SELECT 1 -- last',
    'SELECT /* first */ 1',
    'SELECTED',
  ])('%j stays as it is', (sql) => {
    expect(withComment(sql, wantOf('A.b'))).toBe(sql);
  });

  it('leaves out a handler that is not known', () => {
    expect(withComment('SELECT 1', wantOf(undefined))).toBe(`SELECT 1 /*reason='read-method'*/`);
  });

  it('lets no name end the comment', () => {
    expect(withComment('SELECT 1', wantOf(`a*/'; DROP TABLE b --`))).toBe(
      `SELECT 1 /*handler='a*%2F%27%3B%20DROP%20TABLE%20b%20--',reason='read-method'*/`,
    );
  });
});
