import { Browser } from '../support/browser.js';

/** What a GraphQL server answers. */
export interface Answer<Data> {
  readonly data: Data;
  readonly errors?: readonly { readonly message: string }[];
}

/** A client that keeps its cookies, as a browser does, or its token header, as programs do. */
export class GraphqlClient<Data> {
  private readonly browser = new Browser();
  /** The last response's headers. */
  headers = new Headers();

  constructor(
    readonly url: string,
    readonly extraHeaders: Record<string, string> = {},
  ) {}

  async ask(query: string): Promise<Data> {
    const { data, errors } = await this.post<Answer<Data>>({ query });
    if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
    return data;
  }

  post<A = Answer<Data>>(body: unknown): Promise<A> {
    const headers = { 'content-type': 'application/json' };
    return this.send('', { method: 'POST', body: JSON.stringify(body), headers });
  }

  get(parameters: Record<string, string>): Promise<Answer<Data>> {
    const headers = { 'apollo-require-preflight': 'yes' };
    return this.send(`?${new URLSearchParams(parameters)}`, { headers });
  }

  private async send<A>(
    search: string,
    init: { method?: string; body?: string; headers: Record<string, string> },
  ): Promise<A> {
    const response = await this.browser.fetch(`${this.url}/graphql${search}`, {
      ...init,
      headers: { ...init.headers, ...this.extraHeaders },
    });
    this.headers = response.headers;
    return response.json() as Promise<A>;
  }
}
