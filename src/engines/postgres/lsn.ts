const MAX_POSITION = (1n << 64n) - 1n;
const LSN = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i;

/** Reads a position as PostgreSQL writes it: `0/16B3748`. Throws `RangeError` for anything else. */
export function parseLsn(text: string): bigint {
  const [, high, low] = LSN.exec(text) ?? [];
  if (high === undefined || low === undefined) {
    throw new RangeError(
      `Not a position of PostgreSQL: '${String(text).slice(0, 40)}'; expected e.g. '0/16B3748'.`,
    );
  }
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** Writes a position as PostgreSQL does: `0/16B3748`. Throws `RangeError` for what is not an unsigned 64-bit number. */
export function formatLsn(position: bigint): string {
  if (position < 0n || position > MAX_POSITION) {
    throw new RangeError(`Not a position of PostgreSQL: ${position}; expected 0 to 2^64 - 1.`);
  }
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/** Sizes a server was built and initialised with. */
export interface WalSizes {
  /** `wal_block_size`. */
  readonly walBlockSize: number;
  /** `wal_segment_size`, in bytes. */
  readonly walSegmentSize: number;
}

const USUAL_WAL_SIZES: WalSizes = { walBlockSize: 8192, walSegmentSize: 16 * 1024 * 1024 };
const PAGE_HEADER_BYTES = 24n;
/** The header of a segment's first page is longer. */
const SEGMENT_HEADER_BYTES = 40n;

/**
 * Corrects what `pg_current_wal_insert_lsn()` says at a page boundary: it then points after the header of a page
 * which is not written yet, where no record can end. The replicas of an idle primary would never get there.
 */
export function correctInsertPosition(position: bigint, sizes: WalSizes = USUAL_WAL_SIZES): bigint {
  if (position % BigInt(sizes.walSegmentSize) === SEGMENT_HEADER_BYTES)
    return position - SEGMENT_HEADER_BYTES;
  if (position % BigInt(sizes.walBlockSize) === PAGE_HEADER_BYTES) return position - PAGE_HEADER_BYTES;
  return position;
}
