import type { Positions } from '../position.js';
import type { Token } from './token.js';

/** Kind (1 byte), cluster (8); what follows is the engine's: a place. */
export const PLACE_AT = 9;

const KIND_TIME_PIN = 0;
const KIND_POSITION = 1;
/** No database cluster has this identifier. */
const UNKNOWN_CLUSTER = 0n;

/** The part of an envelope that is sealed. Throws `RangeError` if a part of the token does not fit. */
export function encodeBody(token: Token, positions: Positions): Buffer {
  const place = token.position === undefined ? undefined : positions.encode(token);
  // Of a position that is too long for a token, the time of the write is left.
  const written = place ?? positions.encode({ position: undefined, history: token.history }) ?? NOTHING;
  const bytes = Buffer.alloc(PLACE_AT + written.length);
  bytes.writeUInt8(place ? KIND_POSITION : KIND_TIME_PIN, 0);
  bytes.writeBigUInt64BE(parseClusterId(token.clusterId), 1);
  bytes.set(written, PLACE_AT);
  return bytes;
}

const NOTHING = new Uint8Array();

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
export function readBody(body: Buffer, issuedAtMs: number, positions: Positions): Token | undefined {
  const kind = body.readUInt8(0);
  if (kind !== KIND_TIME_PIN && kind !== KIND_POSITION) return undefined;
  const place = positions.decode(body.subarray(PLACE_AT));
  if (!place) return undefined;
  const cluster = body.readBigUInt64BE(1);
  return {
    clusterId: cluster === UNKNOWN_CLUSTER ? '' : String(cluster),
    history: place.history,
    position: kind === KIND_POSITION ? place.position : undefined,
    issuedAtMs,
  };
}
