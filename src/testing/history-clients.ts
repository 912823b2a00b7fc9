/** What a client keeps between its requests. */
export interface ClientSession {
  /** Headers of the next request. */
  headers(): Record<string, string>;
  /** Called with the headers of every response, in the order in which the client gets to see them. */
  received(headers: Headers): void;
}

/** A kind of client. */
export interface HistoryClients {
  /** For the report. */
  readonly name: string;
  /** How many there are. Default 4. */
  readonly count?: number;
  /** Requests that each of them has under way at a time; their responses arrive in any order. Default 1. */
  readonly tabs?: number;
  /** Share of their requests that write. Default: that of all clients. */
  readonly writeShare?: number;
  /** Whether none of its reads may be older than one before, written by whomever. Default false. */
  readonly isMonotonic?: boolean;
  /** `id`: differs between clients. */
  createSession(id: string): ClientSession;
}

type Settings = Partial<Pick<HistoryClients, 'count' | 'tabs' | 'writeShare' | 'isMonotonic'>>;

/** Browsers: they keep cookies, and have two requests under way at a time. */
export function cookieClients(settings: Settings = {}): HistoryClients {
  return { name: 'cookies', tabs: 2, ...settings, createSession: () => new CookieJar() };
}

/** Programs which send back the last value they got of a header. */
export function headerClients(header = 'Replication-Token', settings: Settings = {}): HistoryClients {
  return {
    name: 'header',
    isMonotonic: true,
    ...settings,
    createSession: () => {
      let last: string | null = null;
      return {
        headers: () => (last === null ? {} : { [header]: last }),
        received: (headers) => (last = headers.get(header) ?? last),
      };
    },
  };
}

/** Users with two devices, whom the application tells apart by a header of theirs. */
export function keyClients(header: string, settings: Settings = {}): HistoryClients {
  return {
    name: 'store key',
    tabs: 2,
    isMonotonic: true,
    ...settings,
    createSession: (id) => ({ headers: () => ({ [header]: id }), received: () => undefined }),
  };
}

/** As much of a cookie jar as write-once tokens need: names, values, removal. */
class CookieJar implements ClientSession {
  readonly #cookies = new Map<string, string>();

  headers(): Record<string, string> {
    if (this.#cookies.size === 0) return {};
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  received(headers: Headers): void {
    for (const cookie of headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(cookie) ?? [];
      this.#cookies.delete(name);
      if (!/;\s*max-age=0/i.test(cookie)) this.#cookies.set(name, value);
    }
  }
}
