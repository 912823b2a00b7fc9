import { ROUTE_HEADER } from 'nestjs-replicated';

/** What a visitor got. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** Node and reason, as in `primary; reason=write-method`. */
  readonly route: string | undefined;
  readonly retryAfter: string | undefined;
  readonly page: string;
}

/** A browser without JavaScript: keeps cookies, sends forms, follows redirects only when told to. */
export class Visitor {
  readonly #cookies = new Map<string, string>();

  constructor(private readonly url: string) {}

  get(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  /** Sends a form and opens the page that its redirect names. */
  async postAndFollow(path: string, fields: Record<string, string>): Promise<Answer> {
    const { status, location } = await this.post(path, fields);
    if (status !== 303 || location === undefined) throw new Error(`POST ${path} was answered with ${status}`);
    return this.get(location);
  }

  signIn(name: string): Promise<Answer> {
    return this.postAndFollow('/sign-in', { name });
  }

  async #send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Answer> {
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { ...init.headers, ...(cookie && { cookie }) };
    const response = await fetch(new URL(path, this.url), { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const header = (name: string) => response.headers.get(name) ?? undefined;
    return {
      status: response.status,
      location: header('location'),
      route: header(ROUTE_HEADER),
      retryAfter: header('retry-after'),
      page: await response.text(),
    };
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const expires = /expires=([^;]+)/i.exec(line)?.[1];
    const isOver = /max-age=0/i.test(line) || (expires !== undefined && Date.parse(expires) < Date.now());
    if (isOver) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
