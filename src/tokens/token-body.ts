import type { Token } from './token.js';

/** Length of the part of an envelope that is sealed: kind (1 byte), cluster (8), timeline (4), position (8). */
export const BODY_BYTES = 21;

const KIND_TIME_PIN = 0;
const KIND_POSITION = 1;
/** No database cluster has this identifier. */
const UNKNOWN_CLUSTER = 0n;

/** Writes all {@link BODY_BYTES}. Throws `RangeError` if a part of the token does not fit. */
export function writeBody({ clusterId, timeline, position }: Token, bytes: Buffer, at: number): void {
  bytes.writeUInt8(position === undefined ? KIND_TIME_PIN : KIND_POSITION, at);
  bytes.writeBigUInt64BE(parseClusterId(clusterId), at + 1);
  bytes.writeUInt32BE(timeline, at + 9);
  bytes.writeBigUInt64BE(position ?? 0n, at + 13);
}

function parseClusterId(clusterId: string): bigint {
  if (clusterId === '') return UNKNOWN_CLUSTER;
  if (!/^\d{1,20}$/.test(clusterId)) {
    throw new RangeError(
      `Not the identifier of a cluster: '${clusterId}'; expected the digits of a 64-bit number.`,
    );
  }
  return BigInt(clusterId);
}

/** `undefined`: not a body. */
export function readBody(body: Buffer, issuedAtMs: number): Token | undefined {
  const kind = body.readUInt8(0);
  if (kind !== KIND_TIME_PIN && kind !== KIND_POSITION) return undefined;
  const cluster = body.readBigUInt64BE(1);
  return {
    clusterId: cluster === UNKNOWN_CLUSTER ? '' : String(cluster),
    timeline: body.readUInt32BE(9),
    position: kind === KIND_POSITION ? body.readBigUInt64BE(13) : undefined,
    issuedAtMs,
  };
}
