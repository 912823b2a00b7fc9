import { describe, expect, it } from '@jest/globals';
import { coversPosition } from './gtid-position.js';

describe('a position covers another one', () => {
  it.each([
    ['', '', true],
    ['0-1-5', '', true],
    ['', '0-1-5', false],
    ['0-1-5', '0-1-5', true],
    ['0-2-6', '0-1-5', true],
    ['0-1-5', '0-1-10', false],
    ['0-1-18446744073709551615', '0-1-18446744073709551614', true],
    ['0-1-5,7-3-1', '7-1-1', true],
    ['0-1-5,7-3-1', '7-1-1, 0-1-6', false],
    ['0-1-500', '1-1-1', false],
  ])('"%s" has "%s": %s', (have, need, covers) => {
    expect(coversPosition(have, need)).toBe(covers);
  });
});
