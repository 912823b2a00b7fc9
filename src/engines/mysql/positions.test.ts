import { describe, expect, it } from '@jest/globals';
import { parseMariadbGtids, serverOf, withLastOfServers } from './mariadb-gtid.js';
import { parseMysqlGtids } from './mysql-gtid.js';
import { gtidsOf, historyOf, isFormer, ONE_HISTORY, positionOf, positions } from './positions.js';
import { compareServers } from './server-sql.js';
import type { Position } from '../../position.js';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '7f11fa47-71ca-11e1-9e33-c80aa9429562';
const mariadb = (text: string): Position => positionOf(parseMariadbGtids(text));
const mysql = (text: string): Position => positionOf(parseMysqlGtids(text));

describe('positions of MariaDB', () => {
  it.each([
    ['0-1-11', '0-1-11', true],
    ['0-1-11', '0-1-10', true],
    ['0-1-10', '0-1-11', false],
    ['0-2-12', '0-1-11', true], // another server wrote it
    ['0-2-11', '0-1-11', false], // lost by a failover
    ['0-1-11,7-2-5', '0-1-11,7-1-5', false],
    ['0-1-11,7-1-1', '7-1-1', true],
    ['0-1-99', '7-1-1', false],
    ['0-1-11,7-1-1', '0-1-12,7-1-1', false],
    ['', '0-1-1', false],
    ['0-1-1', '', true],
    [`0-1-${(1n << 64n) - 1n}`, `0-1-${(1n << 64n) - 2n}`, true],
  ])('%p covers %p: %p', (have, need, covers) => {
    expect(positions.covers(mariadb(have), mariadb(need))).toBe(covers);
  });

  it.each([
    ['0-2-9', '0-1-4,0-2-9', '0-1-4', true],
    ['0-2-9', '0-1-4,0-2-9', '0-1-5', false], // lost by a failover, however much was written since
    ['0-2-9', '0-2-9,0-1-4,0-1-3', '0-1-4', true], // the log, and what was replayed before the promotion
    ['0-2-9', '0-2-9', '0-1-5', true], // nothing is known of that server
    ['0-2-9,7-1-5', '0-2-9,0-1-4,7-1-5', '7-1-5', true], // each domain for itself
    ['0-2-9', '', '0-1-5', true],
  ])('of a primary %p with the last ones %p covers %p: %p', (written, known, need, covers) => {
    const head = positionOf(withLastOfServers(parseMariadbGtids(written), known));
    expect(positions.covers(head, mariadb(need))).toBe(covers);
  });

  it('cover neither the other where each has more in a domain of its own', () => {
    const [a, b] = [mariadb('0-1-11,7-1-1'), mariadb('0-1-10,7-1-2')];
    expect([positions.covers(a, b), positions.covers(b, a)]).toEqual([false, false]);
    const both = positions.merge(a, b);
    expect(positions.format(both)).toBe('0-1-11,7-1-2');
    expect([positions.covers(both, a), positions.covers(both, b)]).toEqual([true, true]);
  });

  it('merge to the very one that covers the other', () => {
    const [a, b] = [mariadb('0-1-11'), mariadb('0-1-10')];
    expect(positions.merge(a, b)).toBe(a);
    expect(positions.merge(b, a)).toBe(a);
  });

  it('are as far behind as transactions are missing', () => {
    expect(positions.behind(mariadb('0-1-11,7-1-5'), mariadb('0-1-8'))).toBe(3 + 6);
    expect(positions.behind(mariadb('0-1-8'), mariadb('0-1-11'))).toBe(0);
  });

  it('are written as the server does', () => {
    expect(positions.format(mariadb('0-1-11,7-1-1'))).toBe('0-1-11,7-1-1');
    expect(positions.format(mariadb(''))).toBe('');
  });

  it.each(['0-1', '0-1-x', '0-1-2-3', 'x'])('%p is none', (text) => {
    expect(() => mariadb(text)).toThrow(`Not a GTID of MariaDB: '${text}'`);
  });

  it('tell which server wrote', () => {
    expect(serverOf(parseMariadbGtids('0-4294967295-11'))).toBe(2 ** 32 - 1);
    expect(serverOf([])).toBeUndefined();
  });
});

describe('positions of MySQL', () => {
  it.each([
    [`${A}:1-5`, `${A}:5`, true],
    [`${A}:1-5`, `${A}:6`, false],
    [`${A}:1-5:7`, `${A}:7`, true],
    [`${A}:1-5:7`, `${A}:6`, false], // a replica that commits out of order: 7 does not stand for 6
    [`${A}:1-5:7`, `${A}:4-7`, false],
    [`${A}:1-9`, `${B}:1`, false],
    [`${A}:1-9,${B}:1-3`, `${B}:2`, true],
    [`${A}:1-9`, `${A}:tag:1`, false], // a tag numbers its own
    [`${A}:1-9:tag:1-3`, `${A}:tag:2`, true],
    [`${A.toUpperCase()}:1-9`, `${A}:9`, true],
  ])('%p covers %p: %p', (have, need, covers) => {
    expect(positions.covers(mysql(have), mysql(need))).toBe(covers);
  });

  it('keep both of two transactions of one source, since a later one may have the lower number', () => {
    const both = positions.merge(mysql(`${A}:1000007`), mysql(`${A}:9`));
    expect(positions.format(both)).toBe(`${A}:9:1000007`);
    expect(positions.covers(mysql(`${A}:1-10`), both)).toBe(false);
    expect(positions.covers(mysql(`${A}:1-10:1000001-1000007`), both)).toBe(true);
  });

  it('make one of intervals that touch', () => {
    const merged = positions.merge(mysql(`${A}:1-5`), mysql(`${A}:6-8,${B}:1`));
    expect(positions.format(merged)).toBe(`${A}:1-8,${B}:1`);
  });

  it('are as far behind as transactions are missing', () => {
    expect(positions.behind(mysql(`${A}:1-10,${B}:1-2`), mysql(`${A}:1-5:7`))).toBe(4 + 2);
    expect(positions.behind(mysql(`${A}:1-5`), mysql(`${A}:1-10`))).toBe(0);
  });

  it('are read as servers write them, in several lines', () => {
    expect(positions.format(mysql(`${A}:1-5:7:tag:1-3,\n${B}:1`))).toBe(`${A}:1-5:7,${A}:tag:1-3,${B}:1`);
    expect(positions.format(mysql(''))).toBe('');
  });

  it.each([`${A}`, `${A}:`, `${A}:5-3`, 'x:1', '0-1-11'])('%p is none', (text) => {
    expect(() => mysql(text)).toThrow('Not a set of GTIDs of MySQL');
  });
});

describe('a place of the family in a token', () => {
  /** Without who wrote it, which a token has of what its own history wrote only. */
  const unsigned = (position: Position): Position =>
    positionOf(gtidsOf(position).map((one) => ({ ...one, server: undefined })));
  const throughBytes = (place: { position: Position | undefined; history: typeof ONE_HISTORY }) => {
    const bytes = positions.encode(place);
    return bytes && { length: bytes.length, place: positions.decode(Buffer.from(bytes)) };
  };

  it.each([
    ['of MariaDB', mariadb('0-2-17'), historyOf(2), 18],
    ['of MariaDB, by another server', unsigned(mariadb('0-2-17')), historyOf(2), 30],
    ['of four domains', unsigned(mariadb('0-2-17,1-2-3,2-2-3,4294967295-2-3')), historyOf(2), 54],
    ['of MySQL', mysql(`${A}:17`), ONE_HISTORY, 30],
    ['of a whole set of MySQL', mysql(`${A}:1-5000000,${B}:1-12:14`), ONE_HISTORY, 78],
    ['of a source from its first number on', mysql(`${A}:1`), ONE_HISTORY, 30],
  ])('%s is what it was', (_, position, history, length) => {
    expect(throughBytes({ position, history })).toEqual({ length, place: { position, history } });
  });

  it('of a tag can be compared, and is shown by its digits', () => {
    const place = throughBytes({ position: mysql(`${A}:tag:7`), history: ONE_HISTORY })?.place;
    const decoded = place?.position as Position;
    expect(positions.covers(mysql(`${A}:tag:1-9`), decoded)).toBe(true);
    expect(positions.covers(mysql(`${A}:1-9`), decoded)).toBe(false);
  });

  it('without a position is that of a time pin', () => {
    expect(throughBytes({ position: undefined, history: historyOf(2) })).toEqual({
      length: 6,
      place: { position: mariadb(''), history: historyOf(2) },
    });
  });

  it('of more than four intervals demands what lies between the nearest of them, too', () => {
    const position = mysql(`${A}:10:20:22:30:1000:2000`);
    const decoded = throughBytes({ position, history: ONE_HISTORY })?.place?.position as Position;
    expect(positions.format(decoded)).toBe(`${A}:10:20-30:1000:2000`);
    expect(positions.covers(decoded, position)).toBe(true);
  });

  it('never demands less than it stands for, however long an interval is', () => {
    const position = mysql(`${A}:100-700000`);
    const decoded = throughBytes({ position, history: ONE_HISTORY })?.place?.position as Position;
    expect(positions.covers(decoded, position)).toBe(true);
  });

  it('does not fit with more than four domains, with more sources, or with numbers of more than six bytes', () => {
    const sources = [1, 2, 3, 4, 5].map((digit) => `${A.replace('3', String(digit))}:1`).join(',');
    for (const position of [
      mariadb('0-1-1,1-1-1,2-1-1,3-1-1,4-1-1'),
      mysql(sources),
      mysql(`${A}:${1n << 48n}`),
    ])
      expect(positions.encode({ position, history: ONE_HISTORY })).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['of another kind', '030000000100'],
    ['cut off', '010000000101000000000000'],
    ['longer than its entries', '01000000010000'],
  ])('%s is none', (_, hex) => {
    expect(positions.decode(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});

describe('a server of MySQL that can be written', () => {
  const seen = (uuid: string, text: string) => ({ position: mysql(text), serverId: `db:3306:1:${uuid} 17` });

  it.each([
    ['has nothing of what another has written since it wrote itself', `${A}:1-9`, `${A}:1-9,${B}:1-2`, true],
    ['has some of it', `${A}:1-9,${B}:1`, `${A}:1-9,${B}:1-2`, false],
    ['has never written before', `${A}:1-9`, `${B}:1-2`, false],
    ['has lost what the other wrote, and writes for the first time', `${B}:1-9,${A}:1`, `${B}:1-10`, false],
  ])('and %s: a former primary is %p', (_what, found, known, isOne) => {
    expect(isFormer(seen(A, found), seen(B, known))).toBe(isOne);
  });

  it.each([
    ['has nothing of what the other wrote', ['1'], ['1', '2'], true],
    ['has some of it', ['1', '2'], ['1', '2'], false],
    ['has never written before', ['1'], ['2'], false],
    ['has a log, and the other has not written yet', ['1'], ['1'], false],
  ])('of MariaDB that %s: %p %p: a former primary is %p', (_what, found, known, isOne) => {
    const seenOf = (server: number, writers: readonly string[]) => ({
      position: undefined,
      serverId: `db:3306:${server} 17`,
      writers: new Set(writers),
    });
    expect(isFormer(seenOf(1, found), seenOf(2, known))).toBe(isOne);
  });

  it('is never taken for a former primary by what cannot be compared', () => {
    const mariadbs = { position: mariadb('0-1-9'), serverId: 'db:3306:1 17' };
    expect(isFormer(mariadbs, { ...mariadbs, position: mariadb('0-2-11') })).toBe(false);
    expect(isFormer(seen(A, `${A}:1-8`), seen(A, `${A}:1-9`))).toBe(false);
    expect(isFormer({ ...seen(A, `${A}:1`), position: undefined }, seen(B, `${A}:1,${B}:1`))).toBe(false);
  });
});

describe('names of servers', () => {
  it.each([
    ['db:1 17', 'db:1 17', 'same'],
    ['db:1 18', 'db:1 17', 'restarted'],
    ['db:1 16', 'db:1 17', 'another'],
    ['db:2 18', 'db:1 17', 'another'],
    ['db:2 null', 'db:1 null', 'another'],
    ['db:1 18', 'db:1 null', 'same'],
  ])('%p after %p: %s', (now, before, said) => {
    expect(compareServers(now, before)).toBe(said);
  });
});
