import { describe, expect, it } from '@jest/globals';
import { driverRules } from '../../engines/pg/driver-rules.js';
import { driverRules as ofMysql } from '../../engines/mysql/driver-rules.js';
import { mergeDriverOptions } from './merge-driver-options.js';

const type = 'postgres';

describe("a node's own options go over the shared ones", () => {
  it.each<[string, object, object, object]>([
    ['each by itself', { host: 'a', port: 1 }, { port: 2 }, { host: 'a', port: 2 }],
    [
      'its host instead of a shared url',
      { url: 'postgres://a/x', port: 1 },
      { host: 'b' },
      { host: 'b', port: 1 },
    ],
    ['its url instead of a shared host', { host: 'a' }, { url: 'postgres://b/x' }, { url: 'postgres://b/x' }],
    [
      'what its url says stays',
      { port: 1, username: 'u', password: 'p', database: 'd' },
      { url: 'postgres://v:q@b:2/e' },
      { url: 'postgres://v:q@b:2/e' },
    ],
    [
      'what its url leaves out is written into it, since node-postgres looks nowhere else',
      { port: 1, username: 'u@v', password: 'p:%/', database: 'd' },
      { url: 'postgres://b?sslmode=require' },
      { url: 'postgres://u%40v:p%3A%25%2F@b:1/d?sslmode=require' },
    ],
    [
      'a url of a socket stays as it is',
      { username: 'u' },
      { url: '/run/pg d' },
      { url: '/run/pg d', username: 'u' },
    ],
    ['extra key by key', { extra: { a: 1, b: 1 } }, { extra: { b: 2 } }, { extra: { a: 1, b: 2 } }],
    [
      'even where TypeORM lets the shared extra win',
      { extra: { max: 1, connectionTimeoutMillis: 1, application_name: 'a' } },
      { poolSize: 2, connectTimeoutMS: 2, applicationName: 'b' },
      { poolSize: 2, connectTimeoutMS: 2, applicationName: 'b', extra: {} },
    ],
  ])('%s', (_what, shared, own, merged) => {
    expect(mergeDriverOptions({ type, ...shared }, { ...own }, driverRules)).toEqual({ type, ...merged });
  });

  it('and leave the url of other drivers alone', () => {
    const shared = { type: 'mysql', username: 'u' };
    expect(mergeDriverOptions(shared, { url: 'mysql://b' }, ofMysql)).toEqual({
      ...shared,
      url: 'mysql://b',
    });
  });
});
