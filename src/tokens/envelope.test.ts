import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { openToken, sealToken, tokenAt, type TokenNumbers } from '../../test/support/postgres-places.js';
import { createKeyring } from './keyring.js';

const NUMBERS: TokenNumbers = {
  clusterId: '7412345678901234567',
  timeline: 3,
  position: 0x1_016b_3748n,
  issuedAtMs: 1_760_000_000_123,
};
const TOKEN = tokenAt(NUMBERS);
const OURS = createKeyring(['a secret of ours']);
const THEIRS = createKeyring(['a secret of others']);
const PLAIN = createKeyring([]);
const MODES = [
  ['sealed', OURS],
  ['plain', PLAIN],
] as const;

/** Numbers that look random and are the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.each(MODES)('a %s token', (mode, keyring) => {
  it.each([
    ['with a position', NUMBERS],
    ['without a position', { ...NUMBERS, position: undefined }],
    ['at position 0', { ...NUMBERS, position: 0n }],
    ['of a cluster that is not known', { ...NUMBERS, clusterId: '', timeline: 0 }],
    [
      'with the highest numbers',
      { ...NUMBERS, clusterId: String(2n ** 64n - 1n), timeline: 2 ** 32 - 1, position: 2n ** 64n - 1n },
    ],
  ])('%s comes back as it was', (_which, numbers) => {
    const token = tokenAt(numbers);
    expect(openToken(sealToken(token, keyring), keyring)).toEqual({ kind: 'token', token });
  });

  it('is short and needs no quoting in cookies, headers and URLs', () => {
    expect(sealToken(TOKEN, keyring)).toMatch(mode === 'sealed' ? /^[\w-]{80}$/ : /^[\w-]{48}$/);
  });

  it('is never read as another token after a bit flipped anywhere', () => {
    const bytes = Buffer.from(sealToken(TOKEN, keyring), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(openToken(flipped.toString('base64url'), keyring).kind).not.toBe('token');
    }
  });

  it('is not read when a character is cut off, added or is not of its alphabet', () => {
    const text = sealToken(TOKEN, keyring);
    for (const wrong of [
      text.slice(1),
      text.slice(0, -1),
      `${text}A`,
      `${text}=`,
      ` ${text}`,
      `${text.slice(0, -1)}+`,
    ]) {
      expect(openToken(wrong, keyring).kind).not.toBe('token');
    }
  });

  it('of a newer version is told by its head alone', () => {
    const head = Buffer.from(sealToken(TOKEN, keyring), 'base64url').subarray(0, 11);
    head.writeUInt8(2, 0);
    const text = Buffer.concat([head, Buffer.from('whatever comes then')]).toString('base64url');
    expect(openToken(text, keyring)).toEqual({
      kind: 'not-understood',
      issuedAtMs: TOKEN.issuedAtMs,
      why: 'version',
    });
  });

  it('of a newer version is not read beyond 200 characters', () => {
    const textOf = (bytes: number) => Buffer.alloc(bytes, 2).toString('base64url');
    expect(openToken(textOf(150), keyring).kind).toBe('not-understood');
    expect(openToken(textOf(151), keyring).kind).toBe('malformed');
  });

  it('cannot be made of a cluster that is no number', () => {
    expect(() => sealToken({ ...TOKEN, clusterId: 'main' }, keyring)).toThrow(
      "Not the identifier of a cluster: 'main'",
    );
  });

  it('is told from garbage, of which nothing ever throws', () => {
    const random = createRandom(42);
    for (let round = 0; round < 5_000; round++) {
      const length = Math.floor(random() * 140);
      const bytes = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
      for (const encoding of ['base64url', 'latin1', 'utf8'] as const) {
        const { kind } = openToken(bytes.toString(encoding), keyring);
        expect(['malformed', 'not-understood', 'forged']).toContain(kind);
      }
    }
  });
});

describe('a token', () => {
  it.each(['', 'A', '!', 'AAAA', '\u0000', 'undefined', 'x'.repeat(129), 'A'.repeat(10_000_000)])(
    'is malformed: %.20j',
    (text) => {
      expect(openToken(text, OURS)).toEqual({ kind: 'malformed' });
    },
  );

  it('sealed with a key that is not ours is not understood', () => {
    const opened = openToken(sealToken(TOKEN, THEIRS), OURS);
    expect(opened).toEqual({ kind: 'not-understood', issuedAtMs: TOKEN.issuedAtMs, why: 'key' });
  });

  it.each([
    ['plain, where secrets are configured', PLAIN, OURS],
    ['sealed, where no secrets are configured', OURS, PLAIN],
  ])('%s, is not understood', (_which, sealedBy, openedBy) => {
    expect(openToken(sealToken(TOKEN, sealedBy), openedBy)).toMatchObject({
      kind: 'not-understood',
      why: 'key',
    });
  });

  it('is forged when its body was made without the key that it names', () => {
    const bytes = Buffer.from(sealToken(TOKEN, OURS), 'base64url');
    const theirs = Buffer.from(sealToken(TOKEN, THEIRS), 'base64url');
    theirs.copy(bytes, 11, 11);
    expect(openToken(bytes.toString('base64url'), OURS)).toEqual({ kind: 'forged' });
  });

  it('is forged when its issue was moved', () => {
    const bytes = Buffer.from(sealToken(TOKEN, OURS), 'base64url');
    bytes.writeUIntBE(TOKEN.issuedAtMs + 1, 5, 6);
    expect(openToken(bytes.toString('base64url'), OURS)).toEqual({ kind: 'forged' });
  });

  it('shows nothing of where it was written, and never looks the same twice', () => {
    const [one, two] = [sealToken(TOKEN, OURS), sealToken(TOKEN, OURS)];
    expect(one.slice(15)).not.toBe(two.slice(15));
    const position = Buffer.alloc(8);
    position.writeBigUInt64BE(NUMBERS.position ?? 0n);
    expect(Buffer.from(one, 'base64url').includes(position)).toBe(false);
    expect(Buffer.from(sealToken(TOKEN, PLAIN), 'base64url').includes(position)).toBe(true);
  });
});

describe('version 1', () => {
  it('is laid out as running instances read it', () => {
    const bytes = Buffer.alloc(36);
    bytes.writeUInt8(1, 0); // version
    bytes.writeUInt32BE(0, 1); // key: none
    bytes.writeUIntBE(1_760_000_000_123, 5, 6);
    bytes.writeUInt8(1, 11); // kind: with a position
    bytes.writeBigUInt64BE(7412345678901234567n, 12); // cluster
    bytes.writeUInt32BE(3, 20); // timeline
    bytes.writeBigUInt64BE(0x1_016b_3748n, 24);
    bytes.writeUInt32BE(crc32(bytes.subarray(0, 32)), 32);
    expect(sealToken(TOKEN, PLAIN)).toBe(bytes.toString('base64url'));
  });
});

describe('secrets are rotated: the first seals, all open', () => {
  const [before, between, after] = [
    ['old secret 123456'],
    ['new secret 123456', 'old secret 123456'],
    ['new secret 123456'],
  ].map(createKeyring);

  it.each([
    ['an old token during the rotation', before, between, 'token'],
    ['a new token during the rotation', between, between, 'token'],
    ['a new token after the rotation', between, after, 'token'],
    ['a new token on an instance that does not know the secret yet', between, before, 'not-understood'],
    ['an old token after the rotation', before, after, 'not-understood'],
  ])('%s', (_which, sealedBy = [], openedBy = [], kind) => {
    expect(openToken(sealToken(TOKEN, sealedBy), openedBy).kind).toBe(kind);
  });
});
