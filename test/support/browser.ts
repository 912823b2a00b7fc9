/** A client that keeps cookies, as a browser does, and follows no redirects. */
export class Browser {
  readonly cookies = new Map<string, string>();

  get cookie(): string {
    return [...this.cookies].map((pair) => pair.join('=')).join('; ');
  }

  async fetch(url: string | URL, { headers, ...init }: Request = {}): Promise<Response> {
    const own = this.cookies.size > 0 && { cookie: this.cookie };
    const response = await fetch(url, { redirect: 'manual', ...init, headers: { ...own, ...headers } });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const expires = /expires=([^;]+)/i.exec(line)?.[1];
    const isOver = /max-age=0/i.test(line) || (expires !== undefined && Date.parse(expires) < Date.now());
    if (isOver) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

type Request = Omit<RequestInit, 'headers'> & { readonly headers?: Readonly<Record<string, string>> };
