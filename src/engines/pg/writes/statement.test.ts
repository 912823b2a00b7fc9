import { describe, expect, it } from '@jest/globals';
import { effectOf, endsTransaction, isPlainCommit, mayCommitPartly, writesAlone } from './statement.js';

const of = (tag: string, text: string, isRaw = false) => effectOf({ tag, text, isRaw });

describe('what a statement did', () => {
  it.each([
    ['SELECT', 'SELECT 1', 'reads'],
    ['SHOW', 'SHOW wal_level', 'reads'],
    ['START', 'START TRANSACTION', 'reads'],
    ['SAVEPOINT', 'SAVEPOINT a', 'reads'],
    ['', '', 'reads'],
    ['INSERT', 'INSERT INTO a VALUES (1)', 'writes'],
    ['CREATE', 'CREATE TABLE a ()', 'writes'],
    ['CALL', 'CALL p()', 'writes'],
    ['DO', 'DO $$ BEGIN END $$', 'writes'],
    ['COPY', 'COPY a FROM STDIN', 'writes'],
    ['SELECT', 'WITH a AS (INSERT INTO b VALUES (1) RETURNING 1) SELECT * FROM a', 'writes'],
    ['COMMIT', 'COMMIT', 'commits'],
    ['COMMIT', 'COMMIT AND CHAIN', 'commits'],
    ['ROLLBACK', 'ROLLBACK', 'discards'],
    ['ROLLBACK', 'COMMIT', 'discards'],
    ['ROLLBACK', 'ROLLBACK TO SAVEPOINT a', 'reads'],
    ['ROLLBACK', 'rollback work to a', 'reads'],
    ['ROLLBACK', 'SAVEPOINT a; ROLLBACK TO a', 'reads'],
    ['ROLLBACK', '/* why */ ROLLBACK TO SAVEPOINT a', 'reads'],
    ['SELECT', '/* why */ WITH a AS (DELETE FROM b RETURNING 1) SELECT * FROM a', 'writes'],
    ['SELECT', '/* with */ SELECT * FROM a', 'reads'],
    ['PREPARE', 'PREPARE q AS SELECT 1', 'reads'],
    ['PREPARE', "PREPARE TRANSACTION 'x'", 'discards'],
    ['COMMIT', "COMMIT PREPARED 'x'", 'writes'],
    ['ROLLBACK', "ROLLBACK PREPARED 'x'", 'reads'],
  ])('%s of %s: %s', (tag, text, effect) => {
    expect(of(tag, text)).toBe(effect);
  });

  it.each(['SELECT', 'EXPLAIN', 'VALUES', 'FETCH'])(
    'a %s of the application may call functions that write',
    (tag) => {
      expect([of(tag, 'x', true), of(tag, 'x', false)]).toEqual(['may-write', 'reads']);
    },
  );

  it.each([
    ['COMMIT', true],
    [' end work ;', true],
    ['COMMIT AND CHAIN', false],
    ["COMMIT PREPARED 'x'", false],
    ['COMMIT; SELECT 1', false],
  ])('%s is a COMMIT and nothing else: %s', (text, isPlain) => {
    expect(isPlainCommit(text)).toBe(isPlain);
  });

  it.each([
    ['INSERT INTO a VALUES (1)', true],
    ['/* why */ update a SET b = 1; ', true],
    ['WITH a AS (DELETE FROM b RETURNING 1) SELECT * FROM a', true],
    ['INSERT INTO a VALUES (1); COPY a FROM STDIN', false],
    ['COPY a FROM STDIN', false],
    ['SELECT f()', false],
    ['BEGIN', false],
  ])('%s is one statement that writes rows: %s', (text, does) => {
    expect(writesAlone(text)).toBe(does);
  });

  it.each([
    ['CALL p()', true],
    ['/* why */ CALL p()', true],
    ['INSERT INTO a VALUES (1); COMMIT; SELECT 1/0', true],
    ['COMMIT; VACUUM a', true],
    ['-- why\nDO $$ BEGIN END $$', true],
    ['INSERT INTO a VALUES (1)', false],
    ['COMMIT AND CHAIN', false],
  ])('%s may commit a part before it fails: %s', (text, may) => {
    expect(mayCommitPartly(text)).toBe(may);
  });
});

describe('a text that is under way when its connection is lost', () => {
  it.each([
    ['COMMIT', true],
    ['INSERT INTO a VALUES (1); END', true],
    ['RELEASE SAVEPOINT cockroach_restart', true],
    ['SAVEPOINT cockroach_restart', false],
    ['RELEASE SAVEPOINT typeorm_1', false],
    ['INSERT INTO trends VALUES (1)', false],
  ])('%s may have ended its transaction: %s', (text, may) => {
    expect(endsTransaction(text)).toBe(may);
  });
});
