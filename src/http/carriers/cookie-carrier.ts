import { crc32 } from 'node:zlib';
import type { CarrierRequest, CarrierResponse, GlancingCarrier } from '../../tokens/carrier.js';
import { type ResolvedCookie, DEFAULT_CLUSTER } from '../../options/resolved-options.js';
import { keepPrivate, headerValue } from './headers.js';
import { MAX_TEXT_CHARS, type Newest } from '../../tokens/token-text.js';

/** Browsers send the cookies they got last at the end. */
const MAX_READ = 64;
const MAX_CLEARED = 20;

/**
 * Tokens in cookies, **write-once**: each text gets a name of its own, a reader takes all of them, and the response to a
 * later write clears those its request brought, once their demand is part of the new one. A cookie that were
 * overwritten instead would lose the later of two concurrent writes whenever the responses swap places.
 */
export function createCookieCarrier(
  cookie: ResolvedCookie,
  cluster: string,
  newest: Newest,
): GlancingCarrier {
  const prefix = prefixOf(cookie.name, cluster);
  const pattern = cookiePattern(prefix);
  const attributesFor = cookieAttributesFor(cookie);
  return {
    name: 'cookie',
    bringsNothing({ request }) {
      const { cookie: header } = request.headers;
      return header === undefined || (typeof header === 'string' && !header.includes(prefix));
    },
    read: ({ request }) => find(request, prefix, pattern).map(({ text }) => text),
    send({ request, response }, { text, maxAgeMs, wrote }) {
      if (!wrote) return;
      const carried = find(request, prefix, pattern).slice(-MAX_CLEARED);
      const value = newest([...carried.map((one) => one.text), text]);
      const name = `${prefix}${idOf(value)}`;
      const cleared = new Set(carried.map((one) => one.name));
      cleared.delete(name);
      const attributes = attributesFor(headerValue(request.headers['host']));
      appendCookies(response, [
        `${name}=${value}; Max-Age=${Math.ceil(maxAgeMs / 1000)}${attributes}`,
        ...[...cleared].map((old) => `${old}=; Max-Age=0${attributes}`),
      ]);
      keepPrivate(response);
    },
  };
}

/** `replication-` for the default cluster, `replication.orders-` for another: none is the prefix of another one. */
function prefixOf(name: string, cluster: string): string {
  if (cluster === DEFAULT_CLUSTER) return `${name}-`;
  const escaped = cluster.replace(/\W/gu, (char) => `~${char.codePointAt(0)?.toString(16)}~`);
  return `${name}.${escaped}-`;
}

/** Of the text itself. In capitals, so that a cookie of the application (`replication-settings`) is not taken for ours. */
function idOf(text: string): string {
  return crc32(text).toString(16).toUpperCase().padStart(8, '0');
}

function cookiePattern(prefix: string): RegExp {
  const literal = prefix.replace(/[^\w]/g, '\\$&');
  return new RegExp(`(?:^|;) *(${literal}[0-9A-F]{8})=([\\w.-]{1,${MAX_TEXT_CHARS}})(?=;|$)`, 'g');
}

function find({ headers }: CarrierRequest, prefix: string, pattern: RegExp) {
  const header = headerValue(headers['cookie'], '; ');
  const found: { readonly name: string; readonly text: string }[] = [];
  if (!header.includes(prefix)) return found;
  // Unlike matchAll, this needs no copy of the pattern for each request. It begins, and ends, at index 0.
  for (let match = pattern.exec(header); match; match = pattern.exec(header)) {
    const [, name = '', text = ''] = match;
    found.push({ name, text });
  }
  return found.length > MAX_READ ? found.slice(-MAX_READ) : found;
}

function appendCookies(response: CarrierResponse, cookies: readonly string[]): void {
  const existing = response.getHeader('set-cookie') ?? [];
  response.setHeader('Set-Cookie', [
    ...(typeof existing === 'object' ? existing : [String(existing)]),
    ...cookies,
  ]);
}

const LOCAL_HOST = /^(localhost|[^:]+\.localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** What follows the value of every cookie of ours for a host, of those that clear one too: browsers match them by it. */
function cookieAttributesFor(cookie: ResolvedCookie): (host: string) => string {
  const [secure, insecure] = ['; Secure', ''].map((word) =>
    [
      `; Path=${cookie.path}`,
      cookie.domain === undefined ? '' : `; Domain=${cookie.domain}`,
      `; HttpOnly${word}`,
      `; SameSite=${cookie.sameSite}`,
      cookie.partitioned ? '; Partitioned' : '',
    ].join(''),
  ) as [string, string];
  return (host) => (isSecure(cookie, host) ? secure : insecure);
}

/** Not by the connection's protocol: TLS mostly ends at a proxy. Not every browser takes localhost for secure. */
function isSecure({ secure, sameSite, partitioned }: ResolvedCookie, host: string): boolean {
  if (secure !== 'auto') return secure;
  const isRefusedOtherwise = sameSite === 'None' || partitioned;
  return isRefusedOtherwise || !LOCAL_HOST.test(host);
}
