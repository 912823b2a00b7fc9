import type { ResolvedCookie } from '../../options/resolved-options.js';

const LOCAL_HOST = /^(localhost|[^:]+\.localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** What follows the value of every cookie of ours for a host, of those that clear one too: browsers match them by it. */
export function cookieAttributesFor(cookie: ResolvedCookie): (host: string) => string {
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
