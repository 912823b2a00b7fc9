import type { Positions } from '../position.js';
import type { Carrier } from '../tokens/carrier.js';
import { mergeTexts, type Newest } from '../tokens/token-text.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import type { Keyring } from '../tokens/keyring.js';
import { createCookieCarrier } from './carriers/cookie-carrier.js';
import { createHeaderCarrier } from './carriers/header-carrier.js';
import { createStoreCarrier } from './carriers/store-carrier.js';

/** What carriers are made with. */
export interface CarrierDeps {
  readonly options: ResolvedOptions;
  readonly keyring: Keyring;
  readonly positions: Positions;
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
}

/** Makes the carriers that the options name, and passes on the user's own. */
export function createCarriers(deps: CarrierDeps): readonly Carrier[] {
  const { options, keyring, positions, now, onProblem } = deps;
  const { consistency, name } = options;
  const { maxAgeMs, cookie, store } = consistency;
  const newest: Newest = (texts) => {
    const [own = ''] = texts;
    return texts.length === 1 ? own : mergeTexts(texts, { keyring, positions, nowMs: now(), maxAgeMs });
  };
  return consistency.carriers.flatMap((carrier) => {
    if (carrier === 'cookie') return createCookieCarrier(cookie, name, newest);
    if (carrier === 'header') return createHeaderCarrier(name, newest);
    if (carrier === 'store') return store ? createStoreCarrier(store, name, { newest, now, onProblem }) : [];
    return carrier;
  });
}
