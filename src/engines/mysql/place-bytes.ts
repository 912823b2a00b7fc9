import { lastOf, union, type GtidSet, type Interval, type SourceSet } from './gtid-set.js';
import { mariadbSource } from './mariadb-gtid.js';
import { isOfMysql, mysqlSource } from './mysql-gtid.js';

/** What is written of a place. */
export interface WrittenPlace {
  /** Of MariaDB, the server that wrote. */
  readonly server: number | undefined;
  readonly gtids: GtidSet | undefined;
}

/**
 * Kind of the entries (1 byte), server (4), number of entries (1), entries. One of MariaDB is its domain (4) and sequence
 * (8); one of MySQL its source (16), how many numbers before the last one belong to it (2), and the last one (6). With
 * what stands before, all lengths are multiples of three.
 */
const HEAD_BYTES = 6;
const KIND_MARIADB = 1;
const KIND_MYSQL = 2;
const ENTRY_BYTES: Readonly<Record<number, number>> = { [KIND_MARIADB]: 12, [KIND_MYSQL]: 24 };
const UNKNOWN_SERVER = 0;
/** More would make tokens longer than headers should be. */
const MAX_ENTRIES = 4;
const MAX_SERVER = 2 ** 32 - 1;

/** `undefined`: it does not fit. */
export function encodePlace({ server = UNKNOWN_SERVER, gtids = [] }: WrittenPlace): Uint8Array | undefined {
  const isMysql = isOfMysql(gtids);
  const entries = isMysql ? mysqlEntries(gtids) : mariadbEntries(gtids, server);
  if (!entries || entries.length > MAX_ENTRIES || server > MAX_SERVER) return undefined;
  const kind = isMysql ? KIND_MYSQL : KIND_MARIADB;
  const entryBytes = ENTRY_BYTES[kind] ?? 0;
  const bytes = Buffer.alloc(HEAD_BYTES + entries.length * entryBytes);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(server, 1);
  bytes.writeUInt8(entries.length, 5);
  for (const [index, entry] of entries.entries())
    (isMysql ? writeMysql : writeMariadb)(bytes.subarray(HEAD_BYTES + index * entryBytes), entry);
  return bytes;
}

/** `undefined`: it is none. */
export function decodePlace(bytes: Buffer): WrittenPlace | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const [kind = 0, count] = [bytes.readUInt8(0), bytes.readUInt8(5)];
  const entryBytes = ENTRY_BYTES[kind];
  if (entryBytes === undefined || bytes.length !== HEAD_BYTES + count * entryBytes) return undefined;
  const server = bytes.readUInt32BE(1);
  let gtids: GtidSet = [];
  for (let at = HEAD_BYTES; at < bytes.length; at += entryBytes) {
    const entry = bytes.subarray(at, at + entryBytes);
    gtids = union(gtids, [kind === KIND_MYSQL ? readMysql(entry) : readMariadb(entry, server, count === 1)]);
  }
  return { server: server === UNKNOWN_SERVER ? undefined : server, gtids };
}

/** A single entry is what the server has written; of another one's it stands there twice. */
function mariadbEntries(gtids: GtidSet, server: number): GtidSet {
  const [one] = gtids;
  return one && gtids.length === 1 && one.server !== server ? [one, one] : gtids;
}

function writeMariadb(bytes: Buffer, one: SourceSet): void {
  bytes.writeUInt32BE(Number(one.source), 0);
  bytes.writeBigUInt64BE(lastOf(one), 4);
}

function readMariadb(bytes: Buffer, server: number, isOnly: boolean): SourceSet {
  const one = mariadbSource({ domain: bytes.readUInt32BE(0), server, sequence: bytes.readBigUInt64BE(4) });
  return isOnly && server !== UNKNOWN_SERVER ? one : { ...one, server: undefined };
}

const SPAN_AT = 16;
const LAST_AT = 18;
const LAST_BYTES = 6;
const MAX_LAST = 1n << 48n;
/** All numbers from 1 on. */
const FROM_FIRST = 0xffff;

/** One per interval; `undefined`: they do not fit. */
function mysqlEntries(gtids: GtidSet): readonly SourceSet[] | undefined {
  let sets = gtids;
  while (countIntervals(sets) > MAX_ENTRIES) {
    const fewer = joinNearest(sets);
    if (!fewer) return undefined;
    sets = fewer;
  }
  const entries = sets.flatMap((one) => one.intervals.map((interval) => ({ ...one, intervals: [interval] })));
  return entries.every((entry) => lastOf(entry) < MAX_LAST) ? entries : undefined;
}

function countIntervals(sets: GtidSet): number {
  return sets.reduce((sum, { intervals }) => sum + intervals.length, 0);
}

/** Asks for more than is needed: what lies between is on its way to all replicas as well. `undefined`: there is no gap. */
function joinNearest(sets: GtidSet): GtidSet | undefined {
  let nearest: { readonly gap: bigint; readonly set: SourceSet; readonly at: number } | undefined;
  for (const set of sets)
    for (const [at, { last }] of set.intervals.entries()) {
      const next = set.intervals[at + 1];
      const gap = next && next.first - last;
      if (gap !== undefined && (nearest === undefined || gap < nearest.gap)) nearest = { gap, set, at };
    }
  if (!nearest) return undefined;
  const { set, at } = nearest;
  const [one, other] = set.intervals.slice(at, at + 2) as [Interval, Interval];
  const intervals = set.intervals.toSpliced(at, 2, { first: one.first, last: other.last });
  return sets.map((each) => (each === set ? { ...set, intervals } : each));
}

function writeMysql(bytes: Buffer, { source, intervals: [interval] }: SourceSet): void {
  const { first, last } = interval as Interval;
  const before = last - first;
  bytes.write(source, 'hex');
  bytes.writeUInt16BE(first <= 1n || before >= FROM_FIRST ? FROM_FIRST : Number(before), SPAN_AT);
  bytes.writeUIntBE(Number(last), LAST_AT, LAST_BYTES);
}

function readMysql(bytes: Buffer): SourceSet {
  const last = BigInt(bytes.readUIntBE(LAST_AT, LAST_BYTES));
  const before = bytes.readUInt16BE(SPAN_AT);
  const first = before === FROM_FIRST ? 1n : last - BigInt(before);
  return mysqlSource(bytes.toString('hex', 0, SPAN_AT), { first, last });
}
