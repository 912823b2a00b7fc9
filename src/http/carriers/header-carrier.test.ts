import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { Exchange } from '../../tokens/carrier.js';
import { createHeaderCarrier } from './header-carrier.js';

/** As merging of tokens is not the subject here: the highest text wins. */
const highest = (texts: readonly string[]) => texts.toSorted().at(-1) ?? '';

function createExchange(token?: string | string[]): Exchange {
  const request = new IncomingMessage(new Socket());
  if (token !== undefined) Object.assign(request.headers, { 'replication-token': token });
  return { request, response: new ServerResponse(request), platformRequest: request };
}

function send(exchange: Exchange, { cluster = 'default', text = 'T9', wrote = true } = {}): Exchange {
  createHeaderCarrier(cluster, highest).send?.(exchange, { text, maxAgeMs: 120_000, wrote });
  return exchange;
}

describe('the tokens of a request', () => {
  it.each<[string, string | string[] | undefined, string[]]>([
    ['none', undefined, []],
    ['an empty one', '', []],
    ['one', 'T1', ['T1']],
    ['a list', 'T1, T2.T3 ,T4,,', ['T1', 'T2.T3', 'T4']],
    ['several headers', ['T1', 'T2, T3'], ['T1', 'T2', 'T3']],
    ['not those of other clusters', 'orders:T1, T2, :T3', ['T2']],
  ])('%s', (_which, header, texts) => {
    expect(createHeaderCarrier('default', highest).read(createExchange(header))).toEqual(texts);
  });

  it('of a named cluster bear its name', () => {
    const carrier = createHeaderCarrier('orders', highest);
    expect(carrier.read(createExchange('T1, orders:T2, orders2:T3, order:T4, orders:x:T5'))).toEqual(['T2']);
  });

  it('are the last 64 of very many', () => {
    const header = Array.from({ length: 5_000 }, (_, index) => `T${index}`).join(',');
    const texts = createHeaderCarrier('default', highest).read(createExchange(header));
    expect(texts).toHaveLength(64);
    expect(texts).toContain('T4999');
  });
});

describe('a response', () => {
  it('gives the token, to scripts of other origins as well, and not to shared caches', () => {
    const { response } = send(createExchange());
    expect(response.getHeader('replication-token')).toBe('T9');
    expect(response.getHeader('access-control-expose-headers')).toBe('Replication-Token');
    expect(response.getHeader('cache-control')).toBe('private');
  });

  it('gives it when the unit only read', () => {
    expect(createHeaderCarrier('default', highest).carriesReads).toBe(true);
    expect(send(createExchange(), { wrote: false }).response.getHeader('replication-token')).toBe('T9');
  });

  it('never takes away what the client has brought', () => {
    expect(send(createExchange('U1')).response.getHeader('replication-token')).toBe('U1');
  });

  it('gives the tokens of several clusters, which come back to each', () => {
    const clusters = ['default', 'orders', 'a,b: c'];
    const exchange = createExchange();
    for (const cluster of clusters) send(exchange, { cluster, text: `of-${cluster.length}` });
    const next = createExchange(String(exchange.response.getHeader('replication-token')));
    for (const cluster of clusters) {
      expect(createHeaderCarrier(cluster, highest).read(next)).toEqual([`of-${cluster.length}`]);
    }
    expect(exchange.response.getHeader('access-control-expose-headers')).toBe('Replication-Token');
  });

  it.each([
    ['ETag', 'ETag, Replication-Token'],
    [['ETag', 'Link'], 'ETag, Link, Replication-Token'],
    ['*', '*, Replication-Token'],
    ['replication-token, ETag', 'replication-token, ETag'],
  ])('keeps what the application exposes: %j', (existing, expected) => {
    const exchange = createExchange();
    exchange.response.setHeader('Access-Control-Expose-Headers', existing);
    expect(send(exchange).response.getHeader('access-control-expose-headers')).toBe(expected);
  });

  it('keeps the Cache-Control of the application', () => {
    const exchange = createExchange();
    exchange.response.setHeader('Cache-Control', 'no-store');
    expect(send(exchange).response.getHeader('cache-control')).toBe('no-store');
  });
});
