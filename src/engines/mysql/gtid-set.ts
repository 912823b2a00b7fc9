/** The numbers from `first` to `last`, both included. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** Which transactions of one source there are. A source numbers its transactions, and only those of one compare. */
export interface SourceSet {
  /** MariaDB: the domain. MySQL: the server's UUID, perhaps with a tag, as 32 hexadecimal digits, see `mysql-gtid.ts`. */
  readonly source: string;
  /** In ascending order, with gaps between them; not empty. */
  readonly intervals: readonly Interval[];
  /** How its transactions are written: MariaDB's name the server of the last one. */
  readonly name: string;
  /** Of MariaDB, the server that wrote the last one, where that is known. */
  readonly server?: number | undefined;
  /** Of a primary of MariaDB, the last number that each server has given there, as far as that is known. */
  readonly lastOfServers?: ReadonlyMap<number, bigint> | undefined;
}

/** What a server of the family has of the log: a set of transactions per source. */
export type GtidSet = readonly SourceSet[];

/** Whether `have` holds all of `need`. */
export function includes(have: GtidSet, need: GtidSet): boolean {
  for (const one of need) {
    const had = have.find(({ source }) => source === one.source);
    if (had && (haveParted(had, one) || lacksTheLast(had, one))) return false;
    for (const wanted of one.intervals) if (!holds(had?.intervals ?? NONE, wanted)) return false;
  }
  return true;
}

/** After a failover that lost writes, two servers have given one number to transactions of their own. */
function haveParted(a: SourceSet, b: SourceSet): boolean {
  if (a.server === undefined || b.server === undefined || a.server === b.server) return false;
  return lastOf(a) === lastOf(b);
}

/** Before a failover the old primary has written more than the new one got, which went on with the same numbers. */
function lacksTheLast({ lastOfServers }: SourceSet, need: SourceSet): boolean {
  if (lastOfServers === undefined || need.server === undefined) return false;
  const last = lastOfServers.get(need.server);
  return last !== undefined && last < lastOf(need);
}

const NONE: readonly Interval[] = [];

function intervalsOf(set: GtidSet, source: string): readonly Interval[] {
  for (const one of set) if (one.source === source) return one.intervals;
  return NONE;
}

function holds(intervals: readonly Interval[], { first, last }: Interval): boolean {
  for (const one of intervals) if (one.first <= first && one.last >= last) return true;
  return false;
}

/** The least that holds both. */
export function union(a: GtidSet, b: GtidSet): GtidSet {
  if (includes(a, b)) return a;
  if (includes(b, a)) return b;
  const others = b.filter(({ source }) => intervalsOf(a, source) === NONE);
  return [...a.map((one) => unionOfSource(one, b)), ...others];
}

function unionOfSource(one: SourceSet, set: GtidSet): SourceSet {
  const other = set.find(({ source }) => source === one.source);
  if (!other) return one;
  const later = lastOf(other) > lastOf(one) ? other : one;
  return { ...later, intervals: joined([...one.intervals, ...other.intervals]) };
}

/** The highest number of a source. */
export function lastOf({ intervals }: SourceSet): bigint {
  return intervals.at(-1)?.last ?? 0n;
}

/** Intervals in ascending order, those that touch made one. */
export function joined(intervals: readonly Interval[]): readonly Interval[] {
  const made: Interval[] = [];
  for (const next of [...intervals].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    const before = made.at(-1);
    if (before === undefined || before.last + 1n < next.first) made.push(next);
    else if (next.last > before.last) made[made.length - 1] = { first: before.first, last: next.last };
  }
  return made;
}

/** How many transactions of `head` are not in `have`. */
export function countMissing(head: GtidSet, have: GtidSet): number {
  let missing = 0n;
  for (const { source, intervals } of head) {
    const had = intervalsOf(have, source);
    for (const wanted of intervals) {
      missing += wanted.last - wanted.first + 1n;
      for (const one of had) missing -= overlap(wanted, one);
    }
  }
  return Number(missing);
}

function overlap(a: Interval, b: Interval): bigint {
  const first = a.first > b.first ? a.first : b.first;
  const last = a.last < b.last ? a.last : b.last;
  return last < first ? 0n : last - first + 1n;
}
