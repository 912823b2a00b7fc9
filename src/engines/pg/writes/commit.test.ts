import { describe, expect, it } from '@jest/globals';
import { isServersAnswer } from './commit.js';

describe('a failed statement', () => {
  it.each([
    ['22012', 'ERROR', true],
    ['40001', 'ERROR', true],
    ['40003', 'ERROR', false], // it is not known whether it was completed
    ['57014', 'ERROR', true],
    ['57P01', 'FATAL', false],
    ['08006', 'ERROR', false],
    ['ECONNRESET', undefined, false],
  ])('with %s (%s) has committed nothing: %s', (code, severity, isAnswer) => {
    expect(isServersAnswer({ code, severity })).toBe(isAnswer);
  });
});
