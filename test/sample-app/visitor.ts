import { ROUTE_HEADER } from 'nestjs-replicated';
import { Browser } from '../support/browser.js';

/** What a visitor got. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** Node and reason, as in `primary; reason=write-method`. */
  readonly route: string | undefined;
  readonly retryAfter: string | undefined;
  readonly page: string;
}

/** A browser without JavaScript: sends forms, follows redirects only when told to. */
export class Visitor {
  readonly #browser = new Browser();

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

  async #send(path: string, init: Parameters<Browser['fetch']>[1]): Promise<Answer> {
    const response = await this.#browser.fetch(new URL(path, this.url), init);
    const header = (name: string) => response.headers.get(name) ?? undefined;
    return {
      status: response.status,
      location: header('location'),
      route: header(ROUTE_HEADER),
      retryAfter: header('retry-after'),
      page: await response.text(),
    };
  }
}
