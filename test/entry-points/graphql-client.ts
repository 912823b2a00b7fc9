/** What a GraphQL server answers. */
export interface Answer<Data> {
  readonly data: Data;
  readonly errors?: readonly { readonly message: string }[];
}

/** A client that keeps its cookies, as a browser does, or its token header, as programs do. */
export class GraphqlClient<Data> {
  private readonly cookies = new Map<string, string>();
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
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(`${this.url}/graphql${search}`, {
      ...init,
      headers: { ...init.headers, ...this.extraHeaders, ...(cookie === '' ? {} : { cookie }) },
    });
    this.headers = response.headers;
    for (const line of response.headers.getSetCookie()) this.keep(line);
    return response.json() as Promise<A>;
  }

  private keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/;\s*/);
    const [name = '', value = ''] = pair.split('=');
    if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
