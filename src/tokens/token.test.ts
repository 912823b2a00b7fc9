import { describe, expect, it } from '@jest/globals';
import { tokenAt, type TokenNumbers } from '../../test/support/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import { mergeTokens as merge, subsumes as includes, type Token } from './token.js';

const token = (changes: Partial<TokenNumbers> = {}): Token =>
  tokenAt({ clusterId: '7', timeline: 1, position: 100n, issuedAtMs: 1_000, ...changes });
const subsumes = (a: Token, b: Token): boolean => includes(a, b, positions);
const mergeTokens = (tokens: readonly Token[]): readonly Token[] => merge(tokens, positions);
const pin = (issuedAtMs: number): Token => token({ position: undefined, issuedAtMs });

describe('a token includes another one', () => {
  it.each([
    ['of a lower position', token({ position: 99n }), true],
    ['of the same position', token(), true],
    ['of a higher position', token({ position: 101n }), false],
    ['which lives longer', token({ position: 1n, issuedAtMs: 1_001 }), false],
    ['of another timeline', token({ position: 1n, timeline: 0 }), false],
    ['of another cluster', token({ position: 1n, clusterId: '8' }), false],
    ['which is a time pin', pin(1), false],
  ])('%s: %#', (_which, other, expected) => {
    expect(subsumes(token(), other)).toBe(expected);
  });

  it('when both are time pins and the other is older', () => {
    expect(subsumes(pin(2), pin(1))).toBe(true);
    expect(subsumes(pin(1), pin(2))).toBe(false);
    expect(subsumes(pin(2), token({ issuedAtMs: 1 }))).toBe(false);
  });
});

describe('merging tokens', () => {
  it('leaves one, the highest, of a sequence of writes', () => {
    const writes = [1n, 2n, 3n].map((position) => token({ position, issuedAtMs: Number(position) }));
    expect(mergeTokens(writes)).toEqual([writes[2]]);
  });

  it('leaves one of two equal ones', () => {
    expect(mergeTokens([token(), token()])).toEqual([token()]);
  });

  it('keeps the time pin beside the position', () => {
    expect(mergeTokens([token(), pin(900)])).toEqual([token(), pin(900)]);
  });

  it('keeps the higher position as well as the longer life when clocks differ', () => {
    const high = token({ position: 200n, issuedAtMs: 1 });
    const late = token({ position: 100n, issuedAtMs: 2 });
    expect(mergeTokens([high, late])).toEqual([high, late]);
  });

  it('keeps one of each timeline', () => {
    const after = token({ timeline: 2, position: 50n, issuedAtMs: 2_000 });
    expect(mergeTokens([token(), after])).toEqual([token(), after]);
  });
});
