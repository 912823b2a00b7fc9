import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** A key that seals tokens. */
export interface TokenKey {
  /** Says which key a token was sealed with, and tells nothing about the key; never {@link PLAIN_KEY_ID}. */
  readonly id: number;
  readonly key: KeyObject;
}

/** The keys of this application: the first seals, all open; empty: tokens are plain. */
export type Keyring = readonly TokenKey[];

/** The key id of tokens that are not sealed. */
export const PLAIN_KEY_ID = 0;

/** Derives the keys once; `secrets` must have enough entropy by themselves, since they are not stretched. */
export function createKeyring(secrets: readonly string[]): Keyring {
  return secrets.map((secret) => {
    const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'nestjs-replicated token', 32));
    const id = createHash('sha256').update(bytes).digest().readUInt32BE();
    return { id: id === PLAIN_KEY_ID ? 1 : id, key: createSecretKey(bytes) };
  });
}
