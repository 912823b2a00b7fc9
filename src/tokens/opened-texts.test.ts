import { describe, expect, it } from '@jest/globals';
import { openTokens, sealTokens, tokenAt } from '../../test/support/postgres-places.js';
import { positions } from '../engines/postgres/positions.js';
import { createKeyring } from './keyring.js';
import { OpenedTexts } from './opened-texts.js';

const KEYRING = createKeyring(['a secret of more than sixteen characters']);

const textOf = (position: bigint) =>
  sealTokens([tokenAt({ clusterId: '7', timeline: 1, position, issuedAtMs: 1_000 })], KEYRING);

describe('OpenedTexts', () => {
  it.each([
    ['one text', [textOf(1n)]],
    ['several', [textOf(1n), textOf(2n)]],
    ['two envelopes in one text', [`${textOf(1n)}.${textOf(2n)}`]],
    ['what is no token', ['garbage!']],
    ['one that is far too large', ['x'.repeat(2_000)]],
    ['none', []],
  ])('says of %s what opening it says, each time', (_, texts) => {
    const openedTexts = new OpenedTexts(KEYRING, positions);
    const expected = openTokens(texts, KEYRING);
    expect(openedTexts.open(texts)).toEqual(expected);
    expect(openedTexts.open(texts)).toEqual(expected);
  });

  it('opens a text once', () => {
    const openedTexts = new OpenedTexts(KEYRING, positions);
    const text = textOf(1n);
    expect(openedTexts.open([text])).toBe(openedTexts.open([text]));
  });

  it('forgets, so that no client can fill the memory', () => {
    const openedTexts = new OpenedTexts(KEYRING, positions);
    const text = textOf(1n);
    const first = openedTexts.open([text]);
    for (let index = 0; index < 1_000; index++) openedTexts.open([`garbage${index}`]);
    expect(openedTexts.open([text])).not.toBe(first);
  });
});
