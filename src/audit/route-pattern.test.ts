import { describe, expect, it } from '@jest/globals';
import { compileRouteRules } from '../routing/route-rules.js';
import { covers, overlaps, parsePattern } from './route-pattern.js';

describe('a rule and a route', () => {
  it.each<[rule: string, route: string, relation: 'all' | 'some' | 'none']>([
    ['/posts', '/posts', 'all'],
    ['/posts', '/posts/', 'all'],
    ['/', '/', 'all'],
    ['/', '/posts', 'none'],
    ['/post', '/posts', 'none'],
    ['/Posts', '/posts', 'none'],
    ['/posts/:id', '/posts/:id', 'all'],
    ['/posts/:key', '/posts/latest', 'all'],
    ['/posts/latest', '/posts/:id', 'some'],
    ['/posts/:id', '/posts', 'none'],
    ['/posts/:id', '/posts/:id/comments', 'none'],
    ['/posts/*rest', '/posts/:id/comments', 'all'],
    ['/posts/*rest', '/posts', 'none'],
    ['/*rest', '/', 'none'],
    ['/admin/*rest', '/*path', 'some'],
    ['/files/:name', '/files/*path', 'some'],
    ['/files/*rest', '/files/*path', 'some'],
    ['/posts/:id', '/posts/:id(\\d+)', 'all'],
    ['/posts/1', '/posts/:id(\\d+)', 'some'],
    ['/users/me', '/users{/:id}', 'some'],
    ['/users', '/users{/:id}', 'some'],
    ['/caf%C3%A9', '/café', 'all'],
  ])('%s is for %s: %s', (rule, route, relation) => {
    const [first, second] = [parsePattern(rule), parsePattern(route)];
    expect([overlaps(first, second), covers(first, second)]).toEqual([
      relation !== 'none',
      relation === 'all',
    ]);
    // As the rule itself says of a request with this very path.
    const matches = compileRouteRules([{ path: rule, use: 'primary' }])?.('GET', encodeURI(route));
    if (relation === 'all' && !route.includes('(')) expect(matches).toBe('primary');
    if (relation === 'none') expect(matches).toBeUndefined();
  });
});
