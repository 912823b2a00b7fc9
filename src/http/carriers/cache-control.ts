import type { CarrierResponse } from '../../tokens/carrier.js';

/** A response that carries a token is one client's own: a shared cache must not hand it to others. */
export function keepPrivate(response: CarrierResponse): void {
  if (response.getHeader('cache-control') === undefined) response.setHeader('Cache-Control', 'private');
}
