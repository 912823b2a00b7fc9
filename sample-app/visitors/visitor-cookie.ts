import type { CookieOptions, Request } from 'express';
import { signInSchema } from './visitors.schemas.js';

/** No secret and no password: in a guestbook everybody may be anybody. */
export const VISITOR_COOKIE = 'visitor';

/** Lax: a form on another site arrives without the cookie, and so as nobody. */
export const VISITOR_COOKIE_OPTIONS: CookieOptions = { httpOnly: true, sameSite: 'lax', path: '/' };

/** Anybody can send a cookie, so what is in it must be a name that one can sign in with. */
export function readVisitor({ headers: { cookie = '' } }: Request): string | undefined {
  const [, value] = new RegExp(`(?:^|;\\s*)${VISITOR_COOKIE}=([^;]+)`).exec(cookie) ?? [];
  return value === undefined ? undefined : signInSchema.safeParse({ name: decode(value) }).data?.name;
}

function decode(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined; // a cookie that we did not make
  }
}
