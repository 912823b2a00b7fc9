import type { CarrierResponse, Exchange, GlancingCarrier } from '../../tokens/carrier.js';
import { keepPrivate, headerValue } from './headers.js';
import { DEFAULT_CLUSTER } from '../../options/resolved-options.js';
import type { Newest } from '../../tokens/token-text.js';

/** Request and response header; the client sends back the last value it got. */
export const TOKEN_HEADER = 'Replication-Token';

const MAX_READ = 64;

/**
 * Tokens in a header, for clients that are programs. Clusters share the header, as a list: `token` is of the default
 * cluster, `orders:token` (the name percent-encoded) of another one.
 */
export function createHeaderCarrier(cluster: string, newest: Newest): GlancingCarrier {
  const prefix = cluster === DEFAULT_CLUSTER ? '' : `${encodeURIComponent(cluster)}:`;
  const read = ({ request }: Exchange): readonly string[] =>
    listOf(headerValue(request.headers[TOKEN_HEADER.toLowerCase()]))
      .slice(-MAX_READ)
      .filter((value) => value.startsWith(prefix) && value.lastIndexOf(':') === prefix.length - 1)
      .map((value) => value.slice(prefix.length));
  return {
    name: 'header',
    carriesReads: true,
    bringsNothing: ({ request }) => request.headers[TOKEN_HEADER.toLowerCase()] === undefined,
    read,
    send(exchange, { text }) {
      // The client replaces its value by this one, so it must hold what the client brought.
      const value = newest([...read(exchange), text]);
      append(exchange.response, TOKEN_HEADER, `${prefix}${value}`);
      append(exchange.response, 'Access-Control-Expose-Headers', TOKEN_HEADER);
      keepPrivate(exchange.response);
    },
  };
}

/** Adds an element to a header that is a list, unless it is there. `*` is not enough: with credentials it means nothing. */
function append(response: CarrierResponse, name: string, element: string): void {
  const existing = headerValue(response.getHeader(name));
  const isThere = listOf(existing).some((present) => present.toLowerCase() === element.toLowerCase());
  if (!isThere) response.setHeader(name, existing === '' ? element : `${existing}, ${element}`);
}

function listOf(value: string): readonly string[] {
  return value.split(',').flatMap((element) => element.trim() || []);
}
