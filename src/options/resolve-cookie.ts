import { TOKEN } from './read-method.js';
import type { ResolvedCookie } from './resolved-options.js';
import type { Section } from './section.js';

export function resolveCookie(cookie: Section): ResolvedCookie {
  return Object.freeze({
    name: cookie.checked('name', 'replication', {
      is: matches(TOKEN),
      expected: "letters, digits and any of !#$%&'*+-.^_`|~",
    }),
    path: cookie.checked('path', '/', { is: matches(/^\/[^;\s]*$/), expected: "a path from '/' on" }),
    domain: cookie.checked<string | undefined>('domain', undefined, {
      is: matches(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i),
      expected: "a domain like 'example.com'",
    }),
    secure: cookie.raw('secure') === undefined ? 'auto' : cookie.boolean('secure', true),
    sameSite: cookie.oneOf('sameSite', ['Strict', 'Lax', 'None'], 'Lax'),
    partitioned: cookie.boolean('partitioned', false),
  });
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}
