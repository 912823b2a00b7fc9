/** As much of a browser's cookies as the benchmarks need: names, values, `Max-Age`. */
export class CookieJar {
  private readonly cookies = new Map<string, { value: string; expiresAtMs: number }>();

  store(header: string | readonly string[] | undefined, nowMs: number): void {
    for (const cookie of typeof header === 'string' ? [header] : (header ?? [])) {
      const [pair = '', ...attributes] = cookie.split('; ');
      const at = pair.indexOf('=');
      const maxAge = attributes.find((attribute) => attribute.startsWith('Max-Age='));
      const expiresAtMs = maxAge ? nowMs + 1000 * Number(maxAge.slice('Max-Age='.length)) : Infinity;
      this.cookies.set(pair.slice(0, at), { value: pair.slice(at + 1), expiresAtMs });
    }
  }

  header(nowMs: number): string | undefined {
    for (const [name, { expiresAtMs }] of this.cookies) if (expiresAtMs <= nowMs) this.cookies.delete(name);
    if (this.cookies.size === 0) return undefined;
    return Array.from(this.cookies, ([name, { value }]) => `${name}=${value}`).join('; ');
  }
}
