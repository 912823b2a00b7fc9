import type { Positions } from '../position.js';
import {
  isAddressedTo,
  MAX_ENVELOPE_CHARS,
  openEnvelope,
  readEnvelope,
  sealToken,
  type Envelope,
  type OpenedToken,
  type Opener,
} from './envelope.js';
import type { Keyring } from './keyring.js';
import { mergeTokens, type Token } from './token.js';

/** What travels is one envelope or several; the separator is legal in cookies and headers and not in base64url. */
const SEPARATOR = '.';
/** Envelopes in one text. A sequential client has one; more of them come from failovers and rolling deploys. */
const MAX_ENVELOPES_PER_TEXT = 8;
/** Envelopes of one request that are looked at, and of these, opened: a request full of them costs little. */
const MAX_ENVELOPES_READ = 64;
const MAX_ENVELOPES_OPENED = 16;
export const MAX_TEXT_CHARS = MAX_ENVELOPES_PER_TEXT * (MAX_ENVELOPE_CHARS + SEPARATOR.length);

/** Puts what a unit of work wrote into one text. */
export function sealTokens(tokens: readonly Token[], keyring: Keyring, positions: Positions): string {
  return mergeTokens(tokens, positions)
    .map((token) => sealToken(token, keyring, positions))
    .join(SEPARATOR);
}

/** The tokens of one request. */
export interface OpenedTokens {
  readonly opened: readonly OpenedToken[];
  /** How many texts or envelopes were too many to be looked at. */
  readonly dropped: number;
}

/**
 * Opens the texts that the carriers of one request found. Only the newest 16 envelopes are opened, those of our own
 * keys first; the next ones count as not understood, and beyond 64 they are dropped. Never throws.
 */
export function openTokens(texts: readonly string[], keyring: Keyring, positions: Positions): OpenedTokens {
  const { envelopes, malformed, dropped } = readEnvelopes(texts);
  const isTooMany = envelopes.length > MAX_ENVELOPES_OPENED;
  const preferred = isTooMany ? byPreference(envelopes, { keyring, positions }) : envelopes;
  const opened = preferred.map((envelope, index): OpenedToken =>
    index < MAX_ENVELOPES_OPENED
      ? openEnvelope(envelope, keyring, positions)
      : { kind: 'not-understood', issuedAtMs: envelope.issuedAtMs, why: 'surplus' },
  );
  for (let count = 0; count < malformed; count++) opened.push({ kind: 'malformed' });
  return { opened, dropped };
}

/**
 * Takes plain tokens that are dated beyond `latestMs` for forged: they would never expire. A sealed one can only be of
 * an instance whose clock runs ahead, and holds.
 */
export function doubtFarFuture(
  opened: readonly OpenedToken[],
  keyring: Keyring,
  latestMs: number,
): readonly OpenedToken[] {
  if (keyring.length > 0) return opened;
  return opened.map((one) =>
    one.kind === 'token' && one.token.issuedAtMs > latestMs ? { kind: 'forged' } : one,
  );
}

/** What merging texts needs to know. */
export interface MergeContext {
  readonly keyring: Keyring;
  readonly positions: Positions;
  readonly nowMs: number;
  readonly maxAgeMs: number;
}

/**
 * The shortest text that demands the same as all of `texts`: what a later one includes, what has expired and what is
 * not ours is left out; what is not understood here, another instance may understand, so it stays as it is.
 * Envelopes are kept or left out, never sealed again, so merging a text once more changes nothing.
 */
export function mergeTexts(texts: readonly string[], context: MergeContext): string {
  const { keyring, positions, nowMs, maxAgeMs } = context;
  const live = readEnvelopes(texts).envelopes.filter(({ issuedAtMs }) => nowMs - issuedAtMs <= maxAgeMs);
  const ours = new Map<Token, Envelope>();
  const others = new Map<string, Envelope>();
  for (const envelope of live) {
    const [opened] = doubtFarFuture([openEnvelope(envelope, keyring, positions)], keyring, nowMs + maxAgeMs);
    if (opened?.kind === 'token') ours.set(opened.token, envelope);
    // No instance accepts one that is dated further ahead, see `requirementOf`.
    const isPlausible = envelope.issuedAtMs - nowMs <= maxAgeMs;
    if (opened?.kind === 'not-understood' && isPlausible) others.set(envelope.text, envelope);
  }
  const merged = mergeTokens([...ours.keys()], positions).flatMap((token) => ours.get(token) ?? []);
  return byPreference([...merged, ...others.values()], context)
    .slice(0, MAX_ENVELOPES_PER_TEXT)
    .map(({ text }) => text)
    .join(SEPARATOR);
}

/** Our own before others', so that others' cannot crowd them out; then the newest first. */
function byPreference(envelopes: readonly Envelope[], opener: Opener): readonly Envelope[] {
  const rank = (envelope: Envelope) => (isAddressedTo(opener, envelope) ? 0 : 1);
  return [...envelopes].sort((a, b) => rank(a) - rank(b) || b.issuedAtMs - a.issuedAtMs);
}

function readEnvelopes(texts: readonly string[]) {
  // Browsers send the cookies they got last at the end.
  const latest = texts.slice(-MAX_ENVELOPES_READ);
  const parts = latest.flatMap((text) => (text.length > MAX_TEXT_CHARS ? [''] : text.split(SEPARATOR)));
  const read = parts.slice(-MAX_ENVELOPES_READ);
  const envelopes = read.flatMap((text) => readEnvelope(text) ?? []);
  const dropped = texts.length - latest.length + parts.length - read.length;
  return { envelopes, malformed: read.length - envelopes.length, dropped };
}

/**
 * Merges texts of tokens to the shortest that demands the same as all of them (`mergeTexts` with the keys, the clock
 * and the life of tokens filled in). Merging what is merged already returns the same string. The last text is the one that
 * was just sealed; alone, it stays as it is.
 */
export type Newest = (texts: readonly string[]) => string;
