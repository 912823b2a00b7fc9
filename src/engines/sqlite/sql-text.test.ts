import { describe, expect, it } from '@jest/globals';
import { begins, refusedStatement, rollsBack, traitsOf } from './sql-text.js';

describe('texts for SQLite', () => {
  it.each<[string, ReturnType<typeof traitsOf>['binds']]>([
    ['SELECT 1', undefined],
    ['PRAGMA table_info("note")', undefined],
    ['PRAGMA foreign_keys', undefined],
    ['PRAGMA foreign_keys = OFF', 'settings'],
    ['pragma main.cache_size=5', 'settings'],
    ["ATTACH 'other.sqlite' AS other", 'settings'],
    ['CREATE TEMP TABLE t (id int)', 'settings'],
    ['CREATE TABLE t (id int)', undefined],
    ['BEGIN TRANSACTION', 'transaction'],
    ['/* why */ -- this\n begin immediate', 'transaction'],
    ['SAVEPOINT one', 'transaction'],
    ['beginning', undefined],
  ])('bind their session or do not: %s', (sql, binds) => {
    expect(traitsOf(sql).binds).toBe(binds);
    expect(begins(sql)).toBe(binds === 'transaction');
  });

  it("are TypeORM's own, where a transaction only begins", () => {
    expect(traitsOf('BEGIN TRANSACTION').onlyBegins).toBe(true);
    expect(traitsOf('BEGIN').onlyBegins).toBe(false);
  });

  it('undo a transaction', () => {
    expect(rollsBack(' ROLLBACK')).toBe(true);
    expect(rollsBack('COMMIT')).toBe(false);
  });

  it.each([
    ['insert into note values (1)', 'INSERT'],
    ['CREATE UNIQUE INDEX i ON note (text)', 'CREATE UNIQUE INDEX'],
    ['/* all */ DROP TABLE note', 'DROP TABLE'],
    ['', 'A statement'],
  ])('are named when they are refused: %s', (sql, name) => {
    expect(refusedStatement(undefined, sql)).toBe(name);
  });
});
