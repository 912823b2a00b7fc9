import { describe, expect, it } from '@jest/globals';
import { didYouMean } from './did-you-mean.js';

describe('did you mean', () => {
  it.each([
    ['maxLag', 'maxLagMs'],
    ['maxlagms', 'maxLagMs'],
    ['intervalMS', 'intervalMs'],
    ['intrevalMs', 'intervalMs'],
    ['mode', undefined],
    ['x', undefined],
  ])('%s: %s', (word, meant) => {
    expect(didYouMean(word, ['intervalMs', 'maxLagMs', 'maxLagBytes'])).toBe(meant);
  });
});
