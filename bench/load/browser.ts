import type { Pool } from 'undici';

/** One client: it keeps its cookies, as much of them as the benchmarks need: names, values, `Max-Age`. */
export class Browser {
  private readonly cookies = new Map<string, { readonly value: string; readonly expiresAtMs: number }>();

  constructor(
    private readonly pool: Pool,
    private readonly timeoutMs: number,
  ) {}

  /** What it sends as `Cookie`. */
  get cookie(): string | undefined {
    const nowMs = Date.now();
    for (const [name, { expiresAtMs }] of this.cookies) if (expiresAtMs <= nowMs) this.cookies.delete(name);
    if (this.cookies.size === 0) return undefined;
    return Array.from(this.cookies, ([name, { value }]) => `${name}=${value}`).join('; ');
  }

  async request(method: 'GET' | 'POST', path: string): Promise<{ status: number; body: string }> {
    const { cookie, timeoutMs } = this;
    const { statusCode, headers, body } = await this.pool.request({
      method,
      path,
      headers: cookie === undefined ? {} : { cookie },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    this.store(headers['set-cookie']);
    return { status: statusCode, body: await body.text() };
  }

  private store(header: string | readonly string[] | undefined): void {
    for (const cookie of typeof header === 'string' ? [header] : (header ?? [])) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
      const maxAge = /; Max-Age=(\d+)/.exec(cookie)?.[1];
      const expiresAtMs = maxAge === undefined ? Infinity : Date.now() + 1000 * Number(maxAge);
      this.cookies.set(name, { value, expiresAtMs });
    }
  }
}
