import { describe, expect, it } from '@jest/globals';
import { lastRecordEnd } from './replay-position.js';

const SEGMENT = 16n * 1024n * 1024n;

describe('lastRecordEnd', () => {
  it.each([
    ['inside a page', 5n * 8192n + 1000n, 5n * 8192n + 1000n],
    ['behind the header of a page', 5n * 8192n + 24n, 5n * 8192n],
    ['behind the header of a segment', 3n * SEGMENT + 40n, 3n * SEGMENT],
    ['40 bytes into a page that does not begin a segment', 8192n + 40n, 8192n + 40n],
    ['at the end of a page', 8192n, 8192n],
  ])('%s', (_where, insertPosition, expected) => {
    expect(lastRecordEnd(insertPosition, SEGMENT)).toBe(expected);
  });
});
