import { historyOf, positionOf, positions } from '../../src/engines/postgres/positions.js';
import type { Keyring } from '../../src/tokens/keyring.js';
import * as envelope from '../../src/tokens/envelope.js';
import * as tokenText from '../../src/tokens/token-text.js';
import type { Token } from '../../src/tokens/token.js';
import type { Position } from '../../src/position.js';

/** What a token says, in PostgreSQL's own numbers. */
export interface TokenNumbers extends Omit<Token, 'history' | 'position'> {
  /** 0: not known. */
  readonly timeline: number;
  readonly position: bigint | undefined;
}

export function tokenAt({ timeline, position, ...rest }: TokenNumbers): Token {
  return { ...rest, history: timeline === 0 ? undefined : historyOf(timeline), position: at(position) };
}

export function at(lsn: bigint): Position;
export function at(lsn: bigint | undefined): Position | undefined;
export function at(lsn: bigint | undefined): Position | undefined {
  return lsn === undefined ? undefined : positionOf(lsn);
}

/** Tokens and texts with positions of PostgreSQL. */
export const sealToken = (token: Token, keyring: Keyring): string =>
  envelope.sealToken(token, keyring, positions);
export const openToken = (text: string, keyring: Keyring): envelope.OpenedToken =>
  envelope.openToken(text, keyring, positions);
export const sealTokens = (tokens: readonly Token[], keyring: Keyring): string =>
  tokenText.sealTokens(tokens, keyring, positions);
export const openTokens = (texts: readonly string[], keyring: Keyring): tokenText.OpenedTokens =>
  tokenText.openTokens(texts, keyring, positions);
