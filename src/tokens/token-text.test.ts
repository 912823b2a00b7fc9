import { describe, expect, it } from '@jest/globals';
import {
  openToken,
  openTokens,
  sealToken,
  sealTokens,
  tokenAt,
  type TokenNumbers,
} from '../../test/support/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import { createKeyring } from './keyring.js';
import { mergeTexts } from './token-text.js';
import type { Token } from './token.js';

const NOW_MS = 1_760_000_000_000;
const OURS = createKeyring(['a secret of ours']);
const THEIRS = createKeyring(['a secret of others']);
const CONTEXT = { keyring: OURS, positions, nowMs: NOW_MS, maxAgeMs: 120_000 };

const token = (changes: Partial<TokenNumbers> = {}): Token =>
  tokenAt({ clusterId: '7', timeline: 1, position: 100n, issuedAtMs: NOW_MS, ...changes });
const seal = (changes: Partial<TokenNumbers> = {}) => sealToken(token(changes), OURS);
const positionsOf = (texts: readonly string[]) =>
  openTokens(texts, OURS).opened.map((opened) =>
    opened.kind === 'token' ? opened.token.position : opened.kind,
  );

describe('the tokens of a unit', () => {
  it('travel as one when each includes the one before', () => {
    const text = sealTokens([token({ position: 1n }), token({ position: 2n })], OURS);
    expect(positionsOf([text])).toEqual([2n]);
  });

  it('travel in one text when they demand different things', () => {
    const text = sealTokens([token({ position: 1n }), token({ position: undefined })], OURS);
    expect(text).toMatch(/^[\w.-]+$/);
    expect(positionsOf([text])).toEqual([1n, undefined]);
  });
});

describe('opening the tokens of a request', () => {
  it('tells for each what became of it', () => {
    const texts = [seal(), 'garbage', sealToken(token(), THEIRS), 'x'.repeat(5_000)];
    expect(positionsOf(texts)).toEqual([100n, 'not-understood', 'malformed', 'malformed']);
  });

  it('opens the newest 16 and takes the others for not understood', () => {
    const texts = Array.from({ length: 20 }, (_, index) =>
      seal({ position: BigInt(index), issuedAtMs: NOW_MS - (index % 2) * 1_000 - index }),
    );
    const { opened, dropped } = openTokens(texts, OURS);
    const positions = opened.flatMap((one) => (one.kind === 'token' ? Number(one.token.position) : []));
    expect(positions.toSorted((a, b) => a - b)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18,
    ]);
    expect(opened.filter((one) => one.kind === 'not-understood')).toHaveLength(4);
    expect(dropped).toBe(0);
  });

  it('opens our own when others come in masses, whatever their date', () => {
    const others = Array.from({ length: 40 }, () =>
      sealToken(token({ issuedAtMs: NOW_MS + 60_000 }), THEIRS),
    );
    expect(positionsOf([...others, seal()])).toContain(100n);
  });

  it('looks at 64 of them, the last ones, and counts the others', () => {
    const texts = Array.from({ length: 1_000 }, (_, index) => seal({ position: BigInt(index) }));
    const { opened, dropped } = openTokens(texts, OURS);
    expect(opened).toHaveLength(64);
    expect(dropped).toBe(936);
    expect(positionsOf(texts)).toContain(936n);
  });

  it('is not fooled into work by one text of many parts', () => {
    const { opened, dropped } = openTokens([Array(300).fill('x').join('.')], OURS);
    expect([opened.length, dropped]).toEqual([64, 236]);
  });
});

describe('merging texts', () => {
  const merge = (...texts: string[]) => mergeTexts(texts, CONTEXT);

  it('leaves the one that includes the others, as it was', () => {
    const [low, high] = [seal({ position: 1n }), seal({ position: 2n })];
    expect(merge(low, high)).toBe(high);
    expect(merge(high, low)).toBe(high);
  });

  it('changes nothing when done once more', () => {
    const merged = merge(
      seal(),
      seal({ position: undefined }),
      seal({ timeline: 2 }),
      sealToken(token(), THEIRS),
    );
    expect(merged.split('.')).toHaveLength(4);
    expect(merge(merged)).toBe(merged);
    expect(merge(merged, seal({ position: 99n }))).toBe(merged);
    expect(merge(merged, merged)).toBe(merged);
  });

  it('leaves out garbage, forgeries and what has expired', () => {
    const sealed = seal();
    const forged = `${sealed.slice(0, -1)}${sealed.endsWith('A') ? 'B' : 'A'}`;
    const expired = [
      seal({ position: 200n, issuedAtMs: NOW_MS - 120_001 }),
      sealToken(token({ issuedAtMs: 0 }), THEIRS),
    ];
    const mine = seal();
    expect(openToken(forged, OURS).kind).toBe('forged');
    expect(merge('garbage', forged, ...expired, mine)).toBe(mine);
  });

  it('keeps what only another instance understands', () => {
    const theirs = sealToken(token(), THEIRS);
    expect(merge(theirs, seal()).split('.')).toContain(theirs);
  });

  it('keeps our own when others crowd in, and stays short', () => {
    const others = Array.from({ length: 40 }, (_, index) =>
      sealToken(token({ issuedAtMs: NOW_MS + index }), THEIRS),
    );
    const mine = seal();
    expect(merge(...others, mine).startsWith(mine)).toBe(true);
    expect(merge(...others, mine).split('.')).toHaveLength(8);
  });

  it('of an instance whose clock runs far ahead keeps its position', () => {
    const ahead = seal({ position: 200n, issuedAtMs: NOW_MS + 600_000 });
    expect(merge(ahead, seal())).toBe(ahead);
  });

  it('leaves out a plain one that is dated too far ahead', () => {
    const ahead = sealToken(token({ issuedAtMs: NOW_MS + 120_001 }), []);
    expect(mergeTexts([ahead], { ...CONTEXT, keyring: [] })).toBe('');
  });

  it('leaves out what this instance does not understand and is dated too far ahead to be accepted', () => {
    const ahead = sealToken(token({ issuedAtMs: NOW_MS + 120_001 }), THEIRS);
    expect(merge(ahead)).toBe('');
  });

  it('leaves nothing of nothing', () => {
    expect(merge()).toBe('');
    expect(merge('', 'x')).toBe('');
  });
});
