import type { CarrierResponse } from '../../tokens/carrier.js';

/** The value of a header as one string, with what Node gives as several lines joined as HTTP does. */
export function headerValue(
  value: number | string | readonly string[] | undefined,
  separator: ', ' | '; ' = ', ',
): string {
  if (value === undefined) return '';
  return typeof value === 'string'
    ? value
    : typeof value === 'number'
      ? String(value)
      : value.join(separator);
}

/** A response that carries a token is one client's own: a shared cache must not hand it to others. */
export function keepPrivate(response: CarrierResponse): void {
  if (response.getHeader('cache-control') === undefined) response.setHeader('Cache-Control', 'private');
}
