import { describe, expect, it } from '@jest/globals';
import {
  mayCommit,
  mayWriteWithRows,
  refusedStatement,
  rollsBack,
  surelyReads,
  traitsOf,
} from './sql-text.js';

describe('what a text does to its session', () => {
  it.each([
    ['SELECT 1', undefined],
    ['INSERT INTO t VALUES (1)', undefined],
    ['BEGIN', 'transaction'],
    ['/* a job */ start transaction read only', 'transaction'],
    ['SELECT 1; BEGIN', 'transaction'],
    ['SET autocommit=0', 'transaction'],
    ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'transaction'],
    ['SET SESSION TRANSACTION READ WRITE', 'settings'],
    ["SET NAMES 'utf8mb4'", 'settings'],
    ['SET STATEMENT max_statement_time=1 FOR SELECT 1', undefined],
    ['# comment\nUSE other', 'settings'],
    ['/*!50003 SET time_zone = 1 */', 'settings'],
    ['SELECT @n := 1', 'settings'],
    ['SELECT id INTO @n FROM t', 'settings'],
    ["select get_lock('job', 0)", 'settings'],
    ['SELECT LAST_INSERT_ID(7)', 'settings'],
    ['SELECT LAST_INSERT_ID()', undefined],
    ['CREATE TEMPORARY TABLE t (n int)', 'settings'],
    ['PREPARE p FROM "SELECT 1"', 'settings'],
  ])('%s: %p', (sql, binds) => expect(traitsOf(sql).binds).toBe(binds));

  it.each([
    ["select /* cron */ get_lock('job', 0)", 'An advisory lock'],
    ['SELECT * FROM t LOCK IN SHARE MODE', 'SELECT FOR SHARE'],
    ['SELECT * FROM t FOR SHARE', 'SELECT FOR SHARE'],
    ['LOCK TABLES t READ', 'LOCK TABLES'],
    ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'A SERIALIZABLE transaction'],
    ["SELECT IS_FREE_LOCK('job')", undefined],
  ])('%s takes a lock: %p', (sql, lock) => expect(traitsOf(sql).takesLock).toBe(lock));

  it.each(['START TRANSACTION', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'])(
    '%s only begins',
    (sql) => {
      expect(traitsOf(sql).onlyBegins).toBe(true);
    },
  );
});

describe('what a text may have written', () => {
  it.each([
    ['INSERT INTO t VALUES (1) RETURNING id', true],
    ['SELECT f(1)', true],
    ['SELECT NEXT VALUE FOR s', true],
    ['SELECT count(*), max(id) FROM t WHERE a IN (1)', false],
  ])('%s, answered with rows: %p', (sql, may) => expect(mayWriteWithRows(sql)).toBe(may));

  it.each([
    ['SELECT 1', true],
    ['SET @a = 1', true],
    ['SET STATEMENT max_statement_time=1 FOR DELETE FROM t', false],
    ['/* c */ INSERT INTO t VALUES (1)', false],
    ['SELECT 1; DELETE FROM t', false],
  ])('%s surely reads: %p', (sql, reads) => expect(surelyReads(sql)).toBe(reads));

  it.each([
    ['COMMIT', true],
    ['CREATE TABLE t (n int)', true],
    ['INSERT INTO t VALUES (1)', false],
    ['SELECT 1', false],
  ])('%s may commit: %p', (sql, may) => expect(mayCommit(sql)).toBe(may));

  it.each([
    ['ROLLBACK', true],
    ['ROLLBACK TO SAVEPOINT a', false],
  ])('%s rolls back: %p', (sql, does) => expect(rollsBack(sql)).toBe(does));
});

describe('a refused statement is named', () => {
  it.each([
    ['INSERT INTO t VALUES (1)', 'INSERT'],
    ['/* c */ CREATE TEMPORARY TABLE t (n int)', 'CREATE TEMPORARY TABLE'],
    ['TRUNCATE t', 'TRUNCATE TABLE'],
    ['SELECT * FROM t FOR UPDATE', 'SELECT FOR UPDATE'],
    ['SELECT NEXTVAL(s)', 'nextval()'],
    ['SELECT f()', 'A SELECT that writes'],
  ])('%s: %s', (sql, name) => expect(refusedStatement(undefined, sql)).toBe(name));
});
