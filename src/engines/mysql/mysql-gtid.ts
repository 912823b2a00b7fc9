import { createHash } from 'node:crypto';
import { joined, type GtidSet, type Interval, type SourceSet } from './gtid-set.js';

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const INTERVAL = /^(\d{1,19})(?:-(\d{1,19}))?$/;
const TAG = /^[a-z_]\w{0,31}$/;

/**
 * Reads a set of GTIDs as MySQL writes it: `uuid:1-5:7,uuid2:1-9`, since 8.3 with tags, `uuid:1-5:tag:1-3`. Throws
 * `RangeError` for anything else.
 */
export function parseMysqlGtids(text: string): GtidSet {
  const read = new Map<string, { name: string; intervals: Interval[] }>();
  for (const part of text.split(',')) {
    const [uuid = '', ...items] = part.trim().toLowerCase().split(':');
    if (uuid === '' && items.length === 0) continue;
    if (!UUID.test(uuid) || items.length === 0) refuse(part);
    let name = uuid;
    for (const item of items) {
      if (TAG.test(item)) name = `${uuid}:${item}`;
      else entryOf(read, name).intervals.push(parseInterval(item));
    }
  }
  return [...read].map(([source, { name, intervals }]) => ({ source, name, intervals: joined(intervals) }));
}

function entryOf(
  read: Map<string, { name: string; intervals: Interval[] }>,
  name: string,
): { intervals: Interval[] } {
  const source = sourceOf(name);
  const known = read.get(source) ?? { name, intervals: [] };
  read.set(source, known);
  return known;
}

function parseInterval(text: string): Interval {
  const [, first, last = first] = INTERVAL.exec(text) ?? [];
  if (first === undefined || last === undefined || BigInt(first) > BigInt(last)) return refuse(text);
  return { first: BigInt(first), last: BigInt(last) };
}

function refuse(text: string): never {
  throw new RangeError(
    `Not a set of GTIDs of MySQL: '${text.slice(0, 60)}'; expected e.g. '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5'.`,
  );
}

/** As many digits whether there is a tag or not: the same in tokens. */
function sourceOf(name: string): string {
  const uuid = name.replaceAll('-', '');
  if (!name.includes(':')) return uuid;
  return createHash('sha256').update(name).digest('hex').slice(0, UUID_DIGITS);
}

const UUID_DIGITS = 32;

/** Some transactions of a source that is known by its digits. */
export function mysqlSource(source: string, interval: Interval): SourceSet {
  const name = source.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { source, intervals: [interval], name };
}

/** Whether a set is of MySQL: its sources are UUIDs, MariaDB's are numbers of 32 bits. */
export function isOfMysql([first]: GtidSet): boolean {
  return first?.source.length === UUID_DIGITS;
}
