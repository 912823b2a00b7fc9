import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { Carrier, Exchange } from '../../tokens/carrier.js';
import { createKeyring } from '../../tokens/keyring.js';
import { requirementOf } from '../../tokens/requirement.js';
import { mergeTexts } from '../../tokens/token-text.js';
import { historyOf, lsnOf, positions } from '../../engines/postgres/positions.js';
import { openTokens, sealTokens, tokenAt } from '../../../test/support/postgres-places.js';
import { createCookieCarrier } from './cookie-carrier.js';
import { createHeaderCarrier } from './header-carrier.js';
import { createStoreCarrier } from './store-carrier.js';

const MAX_AGE_MS = 120_000;
const START_MS = 1_760_000_000_000;
const KEYRING = createKeyring(['a secret of ours']);
const COOKIE = {
  name: 'replication',
  path: '/',
  domain: undefined,
  secure: 'auto',
  sameSite: 'Lax',
  partitioned: false,
} as const;

function createExchange(headers: Record<string, string>, platformRequest: unknown = undefined): Exchange {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, { host: 'example.org', ...headers });
  return { request, response: new ServerResponse(request), platformRequest };
}

/** A client, as far as it keeps tokens: what it sends with a request, and what it takes from a response. */
interface Client {
  request(): Exchange;
  receive(exchange: Exchange): void;
}

/** A browser; responses may come in any order. */
class CookieJar implements Client {
  readonly cookies = new Map<string, string>();

  request(): Exchange {
    return createExchange({ cookie: Array.from(this.cookies, (pair) => pair.join('=')).join('; ') });
  }

  receive({ response }: Exchange): void {
    for (const cookie of [response.getHeader('set-cookie') ?? []].flat().map(String)) {
      const [, name = '', value = '', maxAge] = /^([^=]+)=([^;]*); Max-Age=(\d+);/.exec(cookie) ?? [];
      if (maxAge === '0') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}

class HeaderClient implements Client {
  token: string | undefined;

  request(): Exchange {
    return createExchange(this.token === undefined ? {} : { 'replication-token': this.token });
  }

  receive({ response }: Exchange): void {
    this.token = response.getHeader('replication-token')?.toString() ?? this.token;
  }
}

class Session implements Client {
  request(): Exchange {
    return createExchange({}, { session: 'ann' });
  }

  receive(): void {}
}

/** A server with a log, whose every write is one position further. */
class Server {
  nowMs = START_MS;
  position = 0n;
  readonly newest = (texts: readonly string[]) =>
    mergeTexts(texts, { keyring: KEYRING, positions, nowMs: this.nowMs, maxAgeMs: MAX_AGE_MS });

  readonly carrier: Carrier;

  constructor(createCarrier: (server: Server) => Carrier) {
    this.carrier = createCarrier(this);
  }

  async write(exchange: Exchange, hasPosition = true): Promise<void> {
    this.position += 1n;
    const token = tokenAt({
      clusterId: '7',
      timeline: 1,
      position: hasPosition ? this.position : undefined,
      issuedAtMs: this.nowMs,
    });
    const outgoing = { text: sealTokens([token], KEYRING), maxAgeMs: MAX_AGE_MS, wrote: true };
    await this.carrier.record?.(exchange, outgoing);
    this.carrier.send?.(exchange, outgoing);
  }

  async requirement(client: Client) {
    const texts = (await this.carrier.read(client.request())) ?? [];
    const { position, writtenAtMs } = requirementOf(openTokens(texts, KEYRING).opened, {
      clusterId: '7',
      history: historyOf(1),
      positions,
      nowMs: this.nowMs,
      maxAgeMs: MAX_AGE_MS,
    });
    return { position: position && lsnOf(position), writtenAtMs };
  }
}

const createCookie = ({ newest }: Server) => createCookieCarrier(COOKIE, 'default', newest);
const createHeader = ({ newest }: Server) => createHeaderCarrier('default', newest);
const createStore = (server: Server) =>
  createStoreCarrier(
    { store: undefined, key: (request) => (request as { session: string }).session, timeoutMs: 100 },
    'default',
    { newest: server.newest, now: () => server.nowMs, onProblem: (error) => expect(error).toBeUndefined() },
  );

/** Numbers that look random and are the same in every run (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe.each<[string, (server: Server) => Carrier, () => Client]>([
  ['cookie', createCookie, () => new CookieJar()],
  ['header', createHeader, () => new HeaderClient()],
  ['store', createStore, () => new Session()],
])('the %s carrier', (name, createCarrier, createClient) => {
  async function write(server: Server, client: Client, hasPosition = true): Promise<void> {
    const exchange = client.request();
    await server.write(exchange, hasPosition);
    client.receive(exchange);
  }

  it('bears its name', () => {
    expect(new Server(createCarrier).carrier.name).toBe(name);
  });

  it('brings nothing of a client that wrote nothing', async () => {
    expect(await new Server(createCarrier).requirement(createClient())).toEqual({});
  });

  it('brings back the last write of a client', async () => {
    const [server, client] = [new Server(createCarrier), createClient()];
    for (let writes = 1n; writes <= 5n; writes++) {
      await write(server, client);
      expect(await server.requirement(client)).toEqual({ position: writes });
    }
  });

  it('keeps a position after which a write without one came, and the other way round', async () => {
    for (const order of [
      [true, false],
      [false, true],
    ]) {
      const [server, client] = [new Server(createCarrier), createClient()];
      for (const hasPosition of order) await write(server, client, hasPosition);
      const position = BigInt(order.indexOf(true) + 1);
      expect(await server.requirement(client)).toEqual({ position, writtenAtMs: START_MS });
    }
  });

  it('demands nothing when the life of the token is over', async () => {
    const [server, client] = [new Server(createCarrier), createClient()];
    await write(server, client);
    server.nowMs += MAX_AGE_MS + 1;
    expect(await server.requirement(client)).toEqual({});
  });
});

describe('the cookies of a browser', () => {
  it('are one, when it does one thing after the other', async () => {
    const [server, jar] = [new Server(createCookie), new CookieJar()];
    for (let round = 0; round < 50; round++) {
      const exchange = jar.request();
      await server.write(exchange, round % 7 !== 3);
      jar.receive(exchange);
      server.nowMs += 1_000;
      expect(jar.cookies.size).toBe(1);
    }
  });

  it.each([1, 2, 3, 4, 5])(
    'never lose a write whose response came, in whatever order they come (seed %d)',
    async (seed) => {
      const random = createRandom(seed);
      const [server, jar] = [new Server(createCookie), new CookieJar()];
      const inFlight: {
        exchange: Exchange;
        written?: { position: bigint; hasPosition: boolean; atMs: number };
      }[] = [];
      let seenPosition = 0n;
      let seenAtMs = 0;
      for (let step = 0; step < 400; step++) {
        server.nowMs += random(20);
        const one = inFlight[random(Math.max(1, inFlight.length))];
        if (!one || (inFlight.length < 6 && random(3) === 0)) {
          inFlight.push({ exchange: jar.request() });
        } else if (!one.written) {
          const hasPosition = random(10) > 0;
          await server.write(one.exchange, hasPosition);
          one.written = { position: server.position, hasPosition, atMs: server.nowMs };
        } else {
          jar.receive(one.exchange);
          inFlight.splice(inFlight.indexOf(one), 1);
          const { position, hasPosition, atMs } = one.written;
          if (hasPosition && position > seenPosition) seenPosition = position;
          if (!hasPosition) seenAtMs = Math.max(seenAtMs, atMs);
        }
        const found = await server.requirement(jar);
        expect(found.position ?? 0n).toBeGreaterThanOrEqual(seenPosition);
        if (seenAtMs > server.nowMs - MAX_AGE_MS)
          expect(found.writtenAtMs ?? 0).toBeGreaterThanOrEqual(seenAtMs);
        expect(jar.cookies.size).toBeLessThanOrEqual(12);
      }
      expect(seenPosition).toBeGreaterThan(50n);
    },
  );
});
