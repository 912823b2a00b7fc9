import { describe, expect, it } from '@jest/globals';
import { at } from '../../../test/support/postgres-places.js';
import { historyOf, positions } from './positions.js';

describe('positions of PostgreSQL', () => {
  it.each([
    [2n, 1n, true],
    [1n, 1n, true],
    [1n, 2n, false],
    [1n << 63n, (1n << 63n) - 1n, true],
  ])('%d covers %d: %s', (have, need, covers) => {
    expect(positions.covers(at(have), at(need))).toBe(covers);
  });

  it('merge to the higher one', () => {
    expect(positions.merge(at(1n), at(2n))).toBe(at(2n));
    expect(positions.merge(at(2n), at(1n))).toBe(at(2n));
  });

  it('are as far behind as bytes of log are missing, and never less than none', () => {
    expect(positions.behind(at(300n), at(100n))).toBe(200);
    expect(positions.behind(at(100n), at(300n))).toBe(0);
  });

  it('are written as the server does', () => {
    expect(positions.format(at(0x1_016b_3748n))).toBe('1/16B3748');
  });

  it('are encoded as timeline and LSN, 0 where they are not known', () => {
    const encoded = positions.encode({ history: historyOf(3), position: at(0x1_016b_3748n) });
    expect(Buffer.from(encoded).toString('hex')).toBe('0000000300000001016b3748');
    const unknown = positions.encode({ history: undefined, position: undefined });
    expect(Buffer.from(unknown)).toEqual(Buffer.alloc(12));
  });

  it('are decoded to what they were', () => {
    const place = { history: historyOf(2 ** 32 - 1), position: at((1n << 64n) - 1n) };
    expect(positions.decode(Buffer.from(positions.encode(place)))).toEqual(place);
    expect(positions.decode(Buffer.alloc(12))).toEqual({ history: undefined, position: at(0n) });
  });
});
