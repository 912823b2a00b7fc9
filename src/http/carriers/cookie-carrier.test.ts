import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { Exchange, OutgoingToken } from '../../tokens/carrier.js';
import type { ResolvedCookie } from '../../options/resolved-options.js';
import { createCookieCarrier } from './cookie-carrier.js';

const COOKIE: ResolvedCookie = {
  name: 'replication',
  path: '/',
  domain: undefined,
  secure: 'auto',
  sameSite: 'Lax',
  partitioned: false,
};
const WRITE = { text: 'T9', maxAgeMs: 120_000, wrote: true };

/** As merging of tokens is not the subject here: the highest text wins. */
const highest = (texts: readonly string[]) => texts.toSorted().at(-1) ?? '';

function createExchange(headers: Record<string, string> = {}): Exchange {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { host: 'example.org', ...headers });
  return { request, response: new ServerResponse(request), platformRequest: request };
}

const createCarrier = (cookie: Partial<ResolvedCookie> = {}, cluster = 'default') =>
  createCookieCarrier({ ...COOKIE, ...cookie }, cluster, highest);

function readFrom(cookie: string, carrier = createCarrier()) {
  return carrier.read(createExchange({ cookie }));
}

function cookiesOf({ response }: Exchange): readonly string[] {
  return [response.getHeader('set-cookie') ?? []].flat().map(String);
}

function sent(exchange: Exchange, carrier = createCarrier()): readonly string[] {
  carrier.send?.(exchange, WRITE);
  return cookiesOf(exchange);
}

/** Of the cookie that a write sets. */
function nameOfFirst(exchange: Exchange, token: OutgoingToken, carrier = createCarrier()): string {
  carrier.send?.(exchange, token);
  return cookiesOf(exchange)[0]?.split('=')[0] ?? '';
}

describe('the cookies of a request', () => {
  it.each<[string, string, string[]]>([
    ['none', '', []],
    ['one', 'replication-0000000A=T1', ['T1']],
    [
      'all with the prefix',
      'a=b; replication-0000000A=T1; c=d; replication-0000000B=T2.T3; e',
      ['T1', 'T2.T3'],
    ],
    ['without spaces between them', 'replication-0000000A=T1;replication-0000000B=T2', ['T1', 'T2']],
    ['the same name twice, of two paths', 'replication-0000000A=T1; replication-0000000A=T2', ['T1', 'T2']],
    ['not those of the application', 'replication-settings=a; replication=b; my-replication-0000000A=T1', []],
    ['not within a value', 'x=replication-0000000A=T1; y=" replication-0000000B=T2"', []],
    [
      'not those that hold something else',
      'replication-0000000A=<script>; replication-0000000B=; replication-0000000C',
      [],
    ],
    ['not those of another cluster', 'replication.orders-0000000A=T1', []],
  ])('%s', (_which, header, texts) => {
    expect(readFrom(header)).toEqual(texts);
  });

  it('are none without a header', () => {
    expect(createCarrier().read(createExchange())).toEqual([]);
  });

  it('are the last 64 of 1,000', () => {
    const header = Array.from(
      { length: 1_000 },
      (_, index) => `replication-${index.toString(16).toUpperCase().padStart(8, '0')}=T${index}`,
    );
    expect(readFrom(header.join('; '))).toEqual(Array.from({ length: 64 }, (_, index) => `T${936 + index}`));
  });

  it.each([
    ['names without end', 'replication-0000000A='.repeat(50_000)],
    ['values without end', `replication-0000000A=${'x'.repeat(1_000_000)}`],
    ['spaces without end', `;${' '.repeat(1_000_000)}replication-`],
    ['separators without end', `${';'.repeat(1_000_000)}replication-0000000A=x!`],
  ])('are found in time that grows with the header only: %s', (_which, header) => {
    const startMs = performance.now();
    expect(readFrom(header)).toEqual([]);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it('are told apart by cluster, even with odd names', () => {
    const clusters = ['default', 'orders', 'orders-2', 'a b', 'a;b', 'ä', '~20~', ' '];
    const carriers = clusters.map((cluster) => createCarrier({}, cluster));
    const set = carriers.map((carrier) => sent(createExchange(), carrier)[0]?.split(';')[0] ?? '');
    for (const [index, carrier] of carriers.entries()) {
      expect(readFrom(set[index] ?? '', carrier)).toEqual(['T9']);
      expect(readFrom(set.toSpliced(index, 1).join('; '), carrier)).toEqual([]);
    }
  });

  it('may have any prefix that is legal', () => {
    const carrier = createCarrier({ name: '__Secure-a.b*c' });
    const [cookie = ''] = sent(createExchange(), carrier);
    expect(readFrom(cookie.split(';')[0] ?? '', carrier)).toEqual(['T9']);
    expect(readFrom(cookie.replace('a.b', 'axb').split(';')[0] ?? '', carrier)).toEqual([]);
  });
});

describe('a response that wrote', () => {
  it('sets a cookie of its own', () => {
    expect(sent(createExchange())).toEqual([
      expect.stringMatching(
        /^replication-[0-9A-F]{8}=T9; Max-Age=120; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
  });

  it('names it after what it holds, so that no other token can take its place', () => {
    const carrier = createCarrier();
    const nameOf = (text: string) => nameOfFirst(createExchange(), { ...WRITE, text }, carrier);
    const texts = Array.from(
      { length: 1_000 },
      (_, index) => `AQAAAAABoiTSQGQBawt5VE3CD3kAAAABAAAAAAHg4Rj${index}`,
    );
    expect(new Set(texts.map(nameOf)).size).toBe(1_000);
    expect(nameOf('T9')).toBe(nameOf('T9'));
  });

  it('does not clear what it sets: a token that its request brought, and that includes its own', () => {
    const name = nameOfFirst(createExchange(), { ...WRITE, text: 'U1' });
    const set = sent(createExchange({ cookie: `${name}=U1; replication-0000000A=T1` }));
    expect(set[0]).toContain(`${name}=U1; Max-Age=120`);
    expect(set.slice(1)).toEqual([expect.stringContaining('replication-0000000A=; Max-Age=0')]);
  });

  it('clears those its request brought, with the same attributes', () => {
    const cookie = 'replication-0000000A=T1; other=x; replication-0000000B=T2; replication-0000000A=T3';
    const set = sent(createExchange({ cookie }), createCarrier({ path: '/api', domain: 'example.org' }));
    expect(set.slice(1)).toEqual([
      'replication-0000000A=; Max-Age=0; Path=/api; Domain=example.org; HttpOnly; Secure; SameSite=Lax',
      'replication-0000000B=; Max-Age=0; Path=/api; Domain=example.org; HttpOnly; Secure; SameSite=Lax',
    ]);
  });

  it('carries on what its own token does not include of those it clears', () => {
    expect(sent(createExchange({ cookie: 'replication-0000000A=U1' }))[0]).toContain('=U1;');
  });

  it('clears 20 at most', () => {
    const names = Array.from({ length: 30 }, (_, index) => `replication-000000${10 + index}=T1`);
    expect(sent(createExchange({ cookie: names.join('; ') }))).toHaveLength(21);
  });

  it.each([
    ['none', undefined, 0],
    ['one', 'a=b', 1],
    ['several', ['a=b', 'c=d'], 2],
  ])('keeps the cookies of the application: %s', (_which, existing, count) => {
    const exchange = createExchange();
    if (existing) exchange.response.setHeader('Set-Cookie', existing);
    expect(sent(exchange)).toHaveLength(count + 1);
    expect(sent(exchange).slice(0, count)).toEqual([existing ?? []].flat());
  });

  it('is not for shared caches, unless the application says so', () => {
    const [silent, outspoken] = [createExchange(), createExchange()];
    outspoken.response.setHeader('Cache-Control', 'public, max-age=60');
    sent(silent);
    sent(outspoken);
    expect(silent.response.getHeader('cache-control')).toBe('private');
    expect(outspoken.response.getHeader('cache-control')).toBe('public, max-age=60');
  });
});

describe('a response that only read', () => {
  it('sets and clears nothing', () => {
    const exchange = createExchange({ cookie: 'replication-0000000A=T1' });
    createCarrier().send?.(exchange, { ...WRITE, wrote: false });
    expect(cookiesOf(exchange)).toEqual([]);
    expect(exchange.response.getHeader('cache-control')).toBeUndefined();
  });
});

describe('the cookie is for secure connections only', () => {
  it.each<[string, Partial<ResolvedCookie>, boolean]>([
    ['example.org', {}, true],
    ['example.org:3000', {}, true],
    ['', {}, true],
    ['localhost.example.org', {}, true],
    ['127.0.0.1.example.org', {}, true],
    ['192.168.1.5:3000', {}, true],
    ['localhost', {}, false],
    ['LOCALHOST:3000', {}, false],
    ['shop.localhost:3000', {}, false],
    ['127.0.0.1:3000', {}, false],
    ['[::1]:3000', {}, false],
    ['localhost', { secure: true }, true],
    ['localhost', { sameSite: 'None' }, true],
    ['localhost', { partitioned: true }, true],
    ['example.org', { secure: false }, false],
  ])('on %j with %j: %s', (host, cookie, isSecure) => {
    const [set = ''] = sent(createExchange({ host }), createCarrier(cookie));
    expect(set.includes('; Secure')).toBe(isSecure);
  });

  it('and says what else it was told', () => {
    const [set = ''] = sent(
      createExchange(),
      createCarrier({ sameSite: 'None', partitioned: true, path: '/x' }),
    );
    expect(set).toMatch(/; Max-Age=120; Path=\/x; HttpOnly; Secure; SameSite=None; Partitioned$/);
  });
});
