import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { PLACE_BYTES, type Positions } from '../position.js';
import { PLAIN_KEY_ID, type Keyring, type TokenKey } from './keyring.js';
import { encodeBody, PLACE_AT, readBody } from './token-body.js';
import type { Token } from './token.js';

/** What became of an envelope that a client sent. */
export type OpenedToken =
  | { readonly kind: 'token'; readonly token: Token }
  /** Well-formed, but of a newer version, sealed with another key (or not at all), or one of too many to open. */
  | {
      readonly kind: 'not-understood';
      readonly issuedAtMs: number;
      readonly why: 'version' | 'key' | 'surplus' | 'carrier-failed';
    }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'forged' };

/**
 * An envelope, its head read. The head keeps its layout in all versions and is readable without a key:
 * version (1 byte), key id (4), issued-at (6). Behind it follow either nonce (12), sealed body and authentication tag (16),
 * with the head authenticated too, or plain body and checksum (4). Version 1 holds one number of the log, version 2 what
 * other engines put in its place.
 */
export interface Envelope {
  readonly text: string;
  readonly bytes: Buffer;
  readonly version: number;
  readonly keyId: number;
  readonly issuedAtMs: number;
}

const HEAD_BYTES = 11;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CHECKSUM_BYTES = 4;
/** Of the least body. All lengths are multiples of three, so that base64 has no spare bits: no two texts mean the same. */
const BODY_BYTES = PLACE_AT + PLACE_BYTES;
/** The longest: four transactions of MySQL, sealed. */
export const MAX_ENVELOPE_CHARS = 200;
const BASE64URL = /^[\w-]+$/;
const CIPHER = 'aes-256-gcm';

/** Puts a token into text for a client: in version 1 80 characters when sealed, 48 when plain. */
export function sealToken(token: Token, keyring: Keyring, positions: Positions): string {
  const [key] = keyring;
  const body = encodeBody(token, positions);
  // Written to the last byte, so none shows what the memory held before.
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + body.length + (key ? 0 : CHECKSUM_BYTES));
  bytes.writeUInt8(positions.envelopeVersion, 0);
  bytes.writeUInt32BE(key?.id ?? PLAIN_KEY_ID, 1);
  bytes.writeUIntBE(Math.max(0, Math.trunc(token.issuedAtMs)), 5, 6);
  bytes.set(body, HEAD_BYTES);
  if (key) return encrypt(bytes, key).toString('base64url');
  bytes.writeUInt32BE(checksumOf(bytes), bytes.length - CHECKSUM_BYTES);
  return bytes.toString('base64url');
}

function encrypt(bytes: Buffer, { key }: TokenKey): Buffer {
  const head = bytes.subarray(0, HEAD_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(head);
  const body = cipher.update(bytes.subarray(HEAD_BYTES));
  return Buffer.concat([head, nonce, body, cipher.final(), cipher.getAuthTag()]);
}

/** Of all that stands before it. */
function checksumOf(bytes: Buffer): number {
  return crc32(bytes.subarray(0, -CHECKSUM_BYTES));
}

/** Reads the head of an envelope, which needs no key; `undefined`: malformed. */
export function readEnvelope(text: string): Envelope | undefined {
  const isBase64 = text.length <= MAX_ENVELOPE_CHARS && text.length % 4 !== 1 && BASE64URL.test(text);
  if (!isBase64) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  const version = bytes[0];
  if (bytes.length < HEAD_BYTES || !version) return undefined;
  return { text, bytes, version, keyId: bytes.readUInt32BE(1), issuedAtMs: bytes.readUIntBE(5, 6) };
}

/** What an application opens envelopes with. */
export interface Opener {
  readonly keyring: Keyring;
  readonly positions: Positions;
}

/** Whether the envelope claims to be one that this application can open. Tells nothing about its authenticity. */
export function isAddressedTo({ keyring, positions }: Opener, { version, keyId }: Envelope): boolean {
  if (version !== positions.envelopeVersion) return false;
  return keyring.length === 0 ? keyId === PLAIN_KEY_ID : keyring.some(({ id }) => id === keyId);
}

/** Opens one envelope. Never throws. */
export function openToken(text: string, keyring: Keyring, positions: Positions): OpenedToken {
  const envelope = readEnvelope(text);
  return envelope ? openEnvelope(envelope, keyring, positions) : { kind: 'malformed' };
}

/** Opens an envelope whose head is read already. Never throws. */
export function openEnvelope(envelope: Envelope, keyring: Keyring, positions: Positions): OpenedToken {
  const { bytes, version, keyId, issuedAtMs } = envelope;
  if (version !== positions.envelopeVersion) return { kind: 'not-understood', issuedAtMs, why: 'version' };
  const isPlain = keyId === PLAIN_KEY_ID;
  const bodyBytes = bytes.length - HEAD_BYTES - (isPlain ? CHECKSUM_BYTES : NONCE_BYTES + TAG_BYTES);
  if (!isBodyLength(bodyBytes, version) || (isPlain && !hasItsChecksum(bytes))) return { kind: 'malformed' };
  if (!isAddressedTo({ keyring, positions }, envelope))
    return { kind: 'not-understood', issuedAtMs, why: 'key' };
  const body = isPlain ? bytes.subarray(HEAD_BYTES, -CHECKSUM_BYTES) : decryptWithAny(keyring, envelope);
  if (!body) return { kind: 'forged' };
  const token = readBody(body, issuedAtMs, positions);
  return token ? { kind: 'token', token } : { kind: 'malformed' };
}

function isBodyLength(length: number, version: number): boolean {
  return version === 1 ? length === BODY_BYTES : length > PLACE_AT && length % 3 === 0;
}

function hasItsChecksum(bytes: Buffer): boolean {
  return bytes.readUInt32BE(bytes.length - CHECKSUM_BYTES) === checksumOf(bytes);
}

function decryptWithAny(keyring: Keyring, { bytes, keyId }: Envelope): Buffer | undefined {
  for (const key of keyring) {
    const body = key.id === keyId ? decrypt(bytes, key) : undefined;
    if (body) return body;
  }
  return undefined;
}

function decrypt(bytes: Buffer, { key }: TokenKey): Buffer | undefined {
  const bodyAt = HEAD_BYTES + NONCE_BYTES;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(HEAD_BYTES, bodyAt), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bytes.subarray(0, HEAD_BYTES)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const body = decipher.update(bytes.subarray(bodyAt, -TAG_BYTES));
  try {
    decipher.final();
    return body;
  } catch {
    return undefined; // The only reason to fail here is a tag that does not match: not sealed by us.
  }
}
