import type { Positions } from '../position.js';
import type { Keyring } from './keyring.js';
import { MAX_ENVELOPE_CHARS } from './envelope.js';
import { openTokens, type OpenedTokens } from './token-text.js';

/** Opens the texts that clients bring, and remembers the last ones: a client reads several pages with one token. */
export class OpenedTexts {
  private readonly known = new Map<string, OpenedTokens>();

  constructor(
    private readonly keyring: Keyring,
    private readonly positions: Positions,
  ) {}

  open(texts: readonly string[]): OpenedTokens {
    const [text] = texts;
    if (text === undefined || texts.length > 1 || text.length > MAX_ENVELOPE_CHARS)
      return openTokens(texts, this.keyring, this.positions);
    return this.known.get(text) ?? this.remember(text);
  }

  private remember(text: string): OpenedTokens {
    const opened = openTokens([text], this.keyring, this.positions);
    if (this.known.size >= MAX_TEXTS) this.known.clear();
    // A copy: what was cut out of a header would keep all of that.
    this.known.set(Buffer.from(text).toString(), opened);
    return opened;
  }
}

/** Some hundred kilobytes, also when all of them come from an attacker. */
const MAX_TEXTS = 1_000;
