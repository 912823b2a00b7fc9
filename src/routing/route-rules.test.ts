import { describe, it, expect } from '@jest/globals';
import { checkRulePath, compileRouteRules } from './route-rules.js';

function matches(pattern: string, path: string): boolean {
  return compileRouteRules([{ path: pattern, use: 'primary' }])?.('GET', path) === 'primary';
}

describe('the path of a rule', () => {
  it.each([
    ['/', '/', true],
    ['/', '/a', false],
    ['/health', '/health', true],
    ['/health', '/health/', true],
    ['/health/', '/health', true],
    ['/health', '/health?full=1', true],
    ['/health', '/healthy', false],
    ['/health', '/api/health', false],
    ['/health', '/Health', false],
    ['/health', '/%68ealth', true],
    ['/café', '/caf%C3%A9', true],
    ['/caf%C3%A9', '/caf%C3%A9', true],
    ['/caf%C3%A9', '/café', true],
    ['/users/:id', '/users/a%2Fb', true],
    ['/users/:id/b', '/users/a%2Fb', false],
    ['/users/:id', '/users/100%', true],
    ['/50%', '/50%', true],
    ['/v1.0/x', '/v1.0/x', true],
    ['/v1.0/x', '/v1a0/x', false],
    ['/users/:id', '/users/7', true],
    ['/users/:id', '/users/7/', true],
    ['/users/:id', '/users', false],
    ['/users/:id', '/users/', false],
    ['/users/:id', '/users/7/posts', false],
    ['/users/:id/posts', '/users/7/posts', true],
    ['/users/:id/posts', '/users//posts', false],
    ['/admin/*rest', '/admin/a', true],
    ['/admin/*rest', '/admin/a/b/c', true],
    ['/admin/*rest', '/admin', false],
    ['/admin/*rest', '/admin/', false],
    ['/*rest', '/anything', true],
    ['/*rest', '/', false],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });
});

describe('rules', () => {
  it('the first match wins', () => {
    const match = compileRouteRules([
      { path: '/reports/live', use: 'primary' },
      { path: '/reports/*rest', use: 'replica' },
    ]);
    expect(match?.('GET', '/reports/live')).toBe('primary');
    expect(match?.('GET', '/reports/old')).toBe('replica');
  });

  it('say nothing about other paths, nor when there are none', () => {
    expect(compileRouteRules([{ path: '/a', use: 'primary' }])?.('GET', '/b')).toBeUndefined();
    expect(compileRouteRules([])).toBeUndefined();
  });

  it.each([
    [undefined, 'DELETE', true],
    ['POST', 'POST', true],
    ['POST', 'GET', false],
    ['post', 'POST', true],
    [['PUT', 'PATCH'], 'PATCH', true],
    [['PUT', 'PATCH'], 'POST', false],
    ['GET', 'HEAD', true],
    ['HEAD', 'GET', false],
  ])('with method %j, a %s matches: %s', (method, requested, expected) => {
    const match = compileRouteRules([{ ...(method ? { method } : {}), path: '/a', use: 'replica' }]);
    expect(match?.(requested, '/a') === 'replica').toBe(expected);
  });
});

describe('checkRulePath', () => {
  it.each([
    '/',
    '/health',
    '/health/',
    '/users/:id',
    '/users/:user_id/posts',
    '/admin/*rest',
    '/v1.0/a-b_c~d',
    '/@me',
  ])('accepts %s', (path) => expect(checkRulePath(path)).toBeUndefined());

  it.each([
    ['health', 'write "/health"'],
    ['', 'write "/"'],
    ['//', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/admin/*', 'write "/admin/*rest"'],
    ['/admin/*/', 'write "/admin/*rest"'],
    ['/*rest/a', 'must be the last segment'],
    ['/a/:', 'needs a name'],
    ['/a/:id?', 'not understood'],
    ['/a/:id(\\d+)', 'not understood'],
    ['/a/x:id', 'not understood'],
    ['/files/*.txt', 'not understood'],
    ['/a{/b}', 'not understood'],
    ['/a?b=1', 'not understood'],
    ['/a b', 'not understood'],
  ])('refuses %j', (path, problem) => {
    expect(checkRulePath(path)).toContain(problem);
  });
});
