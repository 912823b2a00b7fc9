import { describe, expect, it } from '@jest/globals';
import { parseMariadbGtids } from '../engines/mysql/mariadb-gtid.js';
import { parseMysqlGtids } from '../engines/mysql/mysql-gtid.js';
import { historyOf, ONE_HISTORY, positionOf, positions } from '../engines/mysql/positions.js';
import { positions as ofPostgres } from '../engines/postgres/positions.js';
import { tokenAt } from '../../test/support/postgres-places.js';
import { openToken, sealToken } from './envelope.js';
import { createKeyring, type Keyring } from './keyring.js';
import { mergeTexts, openTokens, sealTokens } from './token-text.js';
import type { Token } from './token.js';

const NOW_MS = 1_700_000_000_000;
const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const SEALED = createKeyring(['a secret of the application']);
const MARIADB: Token = {
  clusterId: '',
  history: historyOf(2),
  position: positionOf(parseMariadbGtids('0-2-17')),
  issuedAtMs: NOW_MS,
};
const MYSQL: Token = {
  ...MARIADB,
  history: ONE_HISTORY,
  position: positionOf(parseMysqlGtids(`${UUID}:17`)),
};
const POSTGRES = tokenAt({ clusterId: '7', timeline: 1, position: 5n, issuedAtMs: NOW_MS });

describe.each<[string, Keyring]>([
  ['sealed', SEALED],
  ['plain', []],
])('version 2 of the envelope, %s', (mode, keyring) => {
  it.each([
    ['MariaDB', MARIADB, { sealed: 88, plain: 56 }],
    ['MySQL', MYSQL, { sealed: 104, plain: 72 }],
    ['a time pin', { ...MARIADB, position: undefined }, { sealed: 72, plain: 40 }],
  ])('holds a token of %s', (_, token, chars) => {
    const text = sealToken(token, keyring, positions);
    expect(text).toHaveLength(chars[mode as 'sealed' | 'plain']);
    expect(openToken(text, keyring, positions)).toEqual({ kind: 'token', token });
  });

  it('turns into a time pin where a position has more sources than fit', () => {
    const position = positionOf(parseMariadbGtids('0-1-1,1-1-1,2-1-1,3-1-1,4-1-1'));
    const text = sealToken({ ...MARIADB, position }, keyring, positions);
    expect(openToken(text, keyring, positions)).toEqual({
      kind: 'token',
      token: { ...MARIADB, position: undefined },
    });
  });

  it('is at most 200 characters long', () => {
    const sources = [1, 2, 3, 4].map((digit) => `${UUID.replace('3', String(digit))}:${2 ** 47}`).join(',');
    const token = { ...MYSQL, position: positionOf(parseMysqlGtids(sources)) };
    const text = sealToken(token, keyring, positions);
    expect(text.length).toBeLessThanOrEqual(200);
    expect(openToken(text, keyring, positions)).toEqual({ kind: 'token', token });
  });

  it('is not read when a bit is flipped', () => {
    const bytes = Buffer.from(sealToken(MARIADB, keyring, positions), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(openToken(flipped.toString('base64url'), keyring, positions).kind).not.toBe('token');
    }
  });

  it('is not understood by instances that know version 1 only, nor version 1 by those of other engines', () => {
    const understood = { kind: 'not-understood', issuedAtMs: NOW_MS, why: 'version' };
    expect(openToken(sealToken(MARIADB, keyring, positions), keyring, ofPostgres)).toEqual(understood);
    expect(openToken(sealToken(POSTGRES, keyring, ofPostgres), keyring, positions)).toEqual(understood);
  });

  it('stays in a text that instances of either version merge', () => {
    const texts = [sealToken(MARIADB, keyring, positions), sealToken(POSTGRES, keyring, ofPostgres)];
    const context = { keyring, nowMs: NOW_MS, maxAgeMs: 120_000 };
    const merged = mergeTexts(texts, { ...context, positions: ofPostgres });
    expect(
      mergeTexts([merged], { ...context, positions })
        .split('.')
        .sort(),
    ).toEqual([...texts].sort());
  });

  it('has room for eight of the longest in one text', () => {
    const uuids = [1, 2, 3, 4].map((digit) => UUID.replace('3', String(digit)));
    const tokens = Array.from({ length: 8 }, (_, index) => ({
      ...MYSQL,
      // Each of another cluster, so that none stands for another.
      clusterId: String(index + 1),
      position: positionOf(parseMysqlGtids(uuids.map((uuid) => `${uuid}:17`).join(','))),
    }));
    const text = sealTokens(tokens, keyring, positions);
    const { opened, dropped } = openTokens([text], keyring, positions);
    expect([opened.map(({ kind }) => kind), dropped]).toEqual([Array.from({ length: 8 }, () => 'token'), 0]);
  });
});
