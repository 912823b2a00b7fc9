import type { Pool } from 'undici';
import { CookieJar } from './cookie-jar.js';

/** What a request of a browser came to. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

/** One client: it keeps its cookies. */
export class Browser {
  private readonly cookies = new CookieJar();

  constructor(
    private readonly pool: Pool,
    private readonly timeoutMs = 30_000,
  ) {}

  /** What it sends as `Cookie`. */
  get cookieHeader(): string | undefined {
    return this.cookies.header(Date.now());
  }

  async request(method: 'GET' | 'POST', path: string): Promise<Answer> {
    const cookie = this.cookieHeader;
    const { statusCode, headers, body } = await this.pool.request({
      method,
      path,
      headers: cookie === undefined ? {} : { cookie },
      headersTimeout: this.timeoutMs,
      bodyTimeout: this.timeoutMs,
    });
    this.cookies.store(headers['set-cookie'], Date.now());
    return {
      status: statusCode,
      body: await body.text(),
      location: headers['location'] as string | undefined,
    };
  }
}
