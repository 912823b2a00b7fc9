import type { CookieOptions, Request } from 'express';

/** No secret and no password: in a guestbook everybody may be anybody. */
export const VISITOR_COOKIE = 'visitor';

/** Lax: a form on another site arrives without the cookie, and so as nobody. */
export const VISITOR_COOKIE_OPTIONS: CookieOptions = { httpOnly: true, sameSite: 'lax', path: '/' };

export function readVisitor({ headers: { cookie = '' } }: Request): string | undefined {
  const [, value] = new RegExp(`(?:^|;\\s*)${VISITOR_COOKIE}=([^;]+)`).exec(cookie) ?? [];
  return value === undefined ? undefined : decode(value);
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value).slice(0, 40);
  } catch {
    return undefined; // a cookie that we did not make
  }
}
