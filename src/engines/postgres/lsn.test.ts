import { describe, expect, it } from '@jest/globals';
import { correctInsertPosition, formatLsn, parseLsn } from './lsn.js';

describe('a position of PostgreSQL', () => {
  it.each([
    ['0/0', 0n],
    ['0/16B3748', 0x16b3748n],
    ['1/0', 1n << 32n],
    ['A/B', (10n << 32n) + 11n],
    ['FFFFFFFF/FFFFFFFF', (1n << 64n) - 1n],
  ])('%s is %d, both ways', (text, position) => {
    expect(parseLsn(text)).toBe(position);
    expect(formatLsn(position)).toBe(text);
  });

  it('is read in lower case as well', () => {
    expect(parseLsn('ab/cdef')).toBe(parseLsn('AB/CDEF'));
  });

  it.each([
    '',
    '/',
    '0',
    '0/',
    '/0',
    '0/G',
    '0/1/2',
    ' 0/1',
    '0/1\n',
    '-1/0',
    '0x1/0',
    '123456789/0',
    '0/123456789',
    '１/0',
  ])('%j is refused', (text) => {
    expect(() => parseLsn(text)).toThrow(RangeError);
  });

  it('is refused when the driver gave something else than text', () => {
    expect(() => parseLsn(null as unknown as string)).toThrow("Not a position of PostgreSQL: 'null'");
  });

  it.each([-1n, 1n << 64n])('%d cannot be written', (position) => {
    expect(() => formatLsn(position)).toThrow(RangeError);
  });
});

describe('an insert position', () => {
  const SEGMENT = 16n * 1024n * 1024n;

  it.each([
    ['in the middle of a page', 8192n + 4000n, 8192n + 4000n],
    ['right after the header of a page', 8192n + 24n, 8192n],
    ['right after the header of a segment', SEGMENT + 40n, SEGMENT],
    ['40 bytes into a page that is not the first of a segment', 8192n + 40n, 8192n + 40n],
    ['24 bytes into the first page of a segment', SEGMENT + 24n, SEGMENT],
    ['at a page boundary', 8192n, 8192n],
  ])('%s', (_where, position, corrected) => {
    expect(correctInsertPosition(position)).toBe(corrected);
  });

  it('is corrected by the sizes of its server', () => {
    const sizes = { walBlockSize: 4096, walSegmentSize: 1024 * 1024 };
    expect(correctInsertPosition(4096n + 24n, sizes)).toBe(4096n);
    expect(correctInsertPosition(4096n + 24n)).toBe(4096n + 24n);
    expect(correctInsertPosition(1024n * 1024n + 40n, sizes)).toBe(1024n * 1024n);
  });
});
