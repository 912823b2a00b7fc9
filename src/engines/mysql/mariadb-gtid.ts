import type { GtidSet, SourceSet } from './gtid-set.js';

const GTID = /^(\d{1,10})-(\d{1,10})-(\d{1,20})$/;

/**
 * Reads GTIDs as MariaDB writes them, one per domain: `0-1-11,7-1-1` (domain, server, sequence). A domain's transactions
 * follow each other, so one stands for all before it. Throws `RangeError` for anything else.
 */
export function parseMariadbGtids(text: string): GtidSet {
  return text === '' ? [] : text.split(',').map(parseGtid);
}

function parseGtid(text: string): SourceSet {
  const [, domain, server, sequence] = GTID.exec(text.trim()) ?? [];
  if (domain === undefined || server === undefined || sequence === undefined)
    throw new RangeError(`Not a GTID of MariaDB: '${text.slice(0, 40)}'; expected e.g. '0-1-11'.`);
  return mariadbSource({ domain: Number(domain), server: Number(server), sequence: BigInt(sequence) });
}

/** What a GTID of MariaDB consists of. */
export interface MariadbGtid {
  readonly domain: number;
  readonly server: number;
  readonly sequence: bigint;
}

/** All of a domain up to a GTID. */
export function mariadbSource({ domain, server, sequence }: MariadbGtid): SourceSet {
  return {
    source: String(domain),
    intervals: [{ first: 0n, last: sequence }],
    name: `${domain}-${server}`,
    server,
  };
}

/** The same set of a primary, with the last GTID of each server that its log and `gtid_slave_pos` name: `0-1-4,0-2-9`. */
export function withLastOfServers(set: GtidSet, known: string): GtidSet {
  const gtids = known === '' ? [] : known.split(',').map(parseGtid);
  return set.map((one) => {
    const lastOfServers = new Map<number, bigint>();
    for (const { source, server, intervals } of gtids) {
      const last = intervals[0]?.last ?? 0n;
      if (source === one.source && server !== undefined && last > (lastOfServers.get(server) ?? 0n))
        lastOfServers.set(server, last);
    }
    return { ...one, lastOfServers };
  });
}

/** The server that wrote the last transaction of the first domain, which for what a client wrote is the only one. */
export function serverOf([first]: GtidSet): number | undefined {
  const server = first?.name.split('-')[1];
  return server === undefined ? undefined : Number(server);
}
