import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type CanActivate, type ExecutionContext, type INestApplication } from '@nestjs/common';
import type { Carrier, ConsistencyOptions, TokenStore } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { isPostgres, startCluster } from '../support/database.js';
import { Note } from '../support/note.js';
import {
  createNotes,
  Notebook,
  rawOf,
  readNotes,
  workFor,
  writeNote,
  type NotebookOptions,
  type Platform,
  type Work,
} from './notebook.js';

const OLD = 'the older secret, 32 characters..';
const NEW = 'the newer secret, 32 characters..';

describe.each<Platform>(['express', 'fastify'])('a token travels (%s)', (platform) => {
  let postgres: PostgresCluster;
  const notebooks: Notebook[] = [];

  beforeAll(async () => {
    postgres = await startCluster({ replicas: 2 });
    await createNotes(postgres);
  });
  afterAll(() => postgres?.stop());

  const resume = () => Promise.all(postgres.replicas.map((replica) => replica.resumeReplay()));

  afterEach(async () => {
    await resume();
    await Promise.all(notebooks.splice(0).map((notebook) => notebook.close()));
  });

  /**
   * From now on what is written is on no replica, unless a test resumes them. At the start they have all that the primary
   * has, also what that writes of its own accord: replicas behind it would not be read at all.
   */
  async function open(
    consistency: ConsistencyOptions = {},
    more: Partial<NotebookOptions> = {},
  ): Promise<Notebook> {
    await resume();
    await postgres.waitForReplication();
    const notebook = await Notebook.open({
      postgres,
      platform,
      ...more,
      options: { consistency, ...more.options },
    });
    notebooks.push(notebook);
    await Promise.all(postgres.replicas.map((replica) => replica.pauseReplay()));
    return notebook;
  }

  const ON_REPLICA = /^replica-\d; reason=/;

  describe('by cookie', () => {
    it('which is private, write-once and bounded in number', async () => {
      const notebook = await open();
      const visitor = notebook.visitor();
      const first = await visitor.post(writeNote);
      expect(first.tokens[0]).toMatch(
        /^replication-[0-9A-F]{8}=[\w-]+; Max-Age=120; Path=\/; HttpOnly; SameSite=Lax$/,
      );
      expect(first.headers.get('cache-control')).toBe('private');
      const second = await visitor.post(writeNote);
      expect([second.tokens.length, second.cleared]).toEqual([1, [first.tokens[0]?.split('=')[0]]]);
      expect(visitor.browser.cookies.size).toBe(1);
      const read = await visitor.get(readNotes);
      expect([read.route, read.tokens, read.cleared]).toEqual(['primary; reason=behind-token', [], []]);
    });

    it('which is Secure unless the host is localhost', async () => {
      const notebook = await open();
      const local = await notebook.visitor().post(writeNote);
      expect(local.tokens[0]).not.toContain('Secure');
      expect(await setCookieFor(notebook.app, 'shop.example')).toContain('; HttpOnly; Secure; SameSite=Lax');
    });

    it("which leaves the application's own Cache-Control and cookies alone", async () => {
      const notebook = await open();
      const answer = await notebook.visitor().post(
        async (desk) => {
          await writeNote(desk);
          const response = desk.response as {
            header(name: string, value: string): { send(body: string): void };
          };
          response.header('Cache-Control', 'no-store').send('sent');
        },
        { place: 'raw' },
      );
      expect([answer.headers.get('cache-control'), answer.tokens.length]).toEqual(['no-store', 1]);
    });

    it('for front ends of another site', async () => {
      const notebook = await open({
        cookie: { sameSite: 'None', secure: true, partitioned: true, name: 'rt' },
      });
      const answer = await notebook.visitor().post(writeNote);
      expect(answer.headers.getSetCookie()[0]).toMatch(/^rt-.*; Secure; SameSite=None; Partitioned$/);
    });

    it('so that concurrent writers with swapped responses lose nothing', async () => {
      const notebook = await open();
      const visitor = notebook.visitor();
      await Promise.all(Array.from({ length: 5 }, () => visitor.post(writeNote)));
      expect((await visitor.get(readNotes)).route).toBe('primary; reason=behind-token');
      await visitor.post(writeNote);
      expect(visitor.browser.cookies.size).toBe(1);
    });
  });

  it("by cookie beside the application's own, also where the platform sets it with the head", async () => {
    const notebook = await open();
    const work: Work = async (desk) => {
      await writeNote(desk);
      const response = desk.response as { header(name: string, value: string): { send(body: string): void } };
      response.header('Set-Cookie', 'own=1').send('sent');
    };
    const answer = await notebook.visitor().post(work, { place: 'raw' });
    expect([answer.headers.getSetCookie().length, answer.tokens.length]).toEqual([2, 1]);
  });

  it.each<[string, OutgoingHttpHeaders | unknown[]]>([
    ['an object', { 'Set-Cookie': ['own=1', 'own=2'], 'X-Own': 'y' }],
    ['a flat list', ['Set-Cookie', ['own=1', 'own=2'], 'X-Own', 'y']],
    [
      'a flat list with a name that comes again',
      ['Set-Cookie', 'own=1', 'Set-Cookie', 'own=2', 'X-Own', 'y'],
    ],
    ['pairs', [['Set-Cookie', ['own=1', 'own=2']] as never, ['X-Own', 'y'] as never]],
  ])('by cookie beside what the head itself is given as %s', async (_what, headers) => {
    const notebook = await open();
    const work: Work = async (desk) => {
      await writeNote(desk);
      rawOf(desk.response)
        .writeHead(200, headers as OutgoingHttpHeaders)
        .end('raw');
    };
    const answer = await notebook.visitor().post(work, { place: 'raw' });
    expect([answer.status, answer.headers.get('x-own'), answer.tokens.length]).toEqual([200, 'y', 1]);
    expect(answer.headers.getSetCookie().slice(0, 2)).toEqual(['own=1', 'own=2']);
  });

  it('by cookie with the answer that follows a head which Node refuses', async () => {
    const notebook = await open();
    const work: Work = async (desk) => {
      await writeNote(desk);
      const raw = rawOf(desk.response);
      try {
        raw.writeHead(200, { 'X-Length': '1', 'X-File': 'отчёт' });
      } catch (error) {
        raw.writeHead(500).end((error as { code: string }).code);
      }
    };
    const answer = await notebook.visitor().post(work, { place: 'raw' });
    expect([answer.status, answer.body, answer.tokens.length]).toEqual([500, 'ERR_INVALID_CHAR', 1]);
    expect(answer.headers.get('x-length')).toBeNull();
  });

  it('by header, which is exposed to scripts beside what the application exposes', async () => {
    const notebook = await open({ carriers: ['header'] });
    const visitor = notebook.visitor();
    const written = await visitor.post(
      async (desk) => {
        await writeNote(desk);
        const response = desk.response as {
          header(name: string, value: string): { send(body: string): void };
        };
        response.header('Access-Control-Expose-Headers', 'X-Total').send('sent');
      },
      { place: 'raw' },
    );
    const token = written.headers.get('replication-token') ?? '';
    expect(token).toMatch(/^[\w.-]{48,}$/);
    expect(written.headers.get('access-control-expose-headers')).toBe('X-Total, Replication-Token');
    expect(written.tokens).toEqual([]);
    const headers = { 'replication-token': token };
    expect((await visitor.get(readNotes, { headers })).route).toBe('primary; reason=behind-token');
    expect((await visitor.get(readNotes)).route).toMatch(ON_REPLICA);
  });

  describe('by store', () => {
    it('to every instance of the application, under keys known after the authentication guard', async () => {
      const store = createStore();
      const consistency: ConsistencyOptions = { carriers: ['store'], store: { store, key: userOf } };
      const prepare = (app: INestApplication) => void app.useGlobalGuards(new Login());
      const [one, two] = [await open(consistency, { prepare }), await open(consistency, { prepare })];
      const ann = { headers: { 'x-user': 'ann' } };
      await one.visitor().post(writeNote, ann);
      expect([...store.entries.keys()]).toEqual(['replication:default:ann']);
      expect((await two.visitor().get(readNotes, ann)).route).toBe('primary; reason=behind-token');
      expect((await two.visitor().get(readNotes, { headers: { 'x-user': 'bob' } })).route).toMatch(
        ON_REPLICA,
      );
      expect((await two.visitor().get(readNotes)).route).toMatch(ON_REPLICA);
      expect(store.gets).toBeGreaterThan(0);
    });

    it('asked once per unit and key, and shared by all readers of one document', async () => {
      const store = createStore();
      const notebook = await open({ carriers: ['store'], store: { store, key: keysOf } });
      await notebook.visitor().post(writeNote, { headers: { 'x-keys': 'doc-1,ann' } });
      const gets = store.gets;
      const twice: Work = async (desk) => [
        await readNotes(desk),
        await Promise.all([readNotes(desk), readNotes(desk)]),
      ];
      const read = await notebook.visitor().get(twice, { headers: { 'x-keys': 'doc-1,bob' } });
      expect([read.route, store.gets - gets]).toEqual(['primary; reason=behind-token', 2]);
    });

    it('from the moment the key is known', async () => {
      const store = createStore();
      let user: string | undefined;
      const notebook = await open({ carriers: ['store'], store: { store, key: () => user } });
      user = 'ann';
      await notebook.visitor().post(writeNote);
      const routes: (string | undefined)[] = [];
      await notebook.visitor().get(async (desk) => {
        user = undefined;
        await readNotes(desk);
        routes.push(desk.selector.route?.reason);
        user = 'ann';
        await readNotes(desk);
        routes.push(desk.selector.route?.reason);
        return 'done';
      });
      expect(routes).toEqual(['read-method', 'behind-token']);
    });

    it.each<[string, unknown]>([
      ['null', null],
      ['empty', ''],
      ['an empty list', []],
      ['a list with a key of its own', ['session-1', undefined]],
    ])('under a key that becomes known after the first read, when before it is %s', async (what, before) => {
      const store = createStore();
      let key: unknown = 'ann';
      const notebook = await open({
        carriers: ['store'],
        store: { store, key: () => key as never },
        monotonicReads: false,
      });
      await notebook.visitor().post(writeNote);
      const gets = store.gets;
      const work: Work = async (desk) => {
        key = before;
        await readNotes(desk);
        const first = desk.selector.route?.reason;
        key = [...(Array.isArray(before) ? before : []), 'ann'];
        await Promise.all([readNotes(desk), readNotes(desk)]);
        return [first, desk.selector.route?.reason];
      };
      const read = await notebook.visitor().get(work);
      expect(read.body).toEqual(['read-method', 'behind-token']);
      expect(store.gets - gets).toBe(what.includes('its own') ? 2 : 1);
    });

    it('under a key that becomes known after the write, as the response is sent', async () => {
      const store = createStore();
      let user: string | undefined;
      const notebook = await open({ carriers: ['store'], store: { store, key: () => user } });
      await notebook.visitor().post(async (desk) => {
        await writeNote(desk);
        user = 'ann';
        return 'done';
      });
      await waitUntil(() => store.entries.size === 1);
      expect((await notebook.visitor().get(readNotes)).route).toBe('primary; reason=behind-token');
    });

    it('under numbers as well, and says what it cannot use', async () => {
      const store = createStore();
      let key: unknown = 42;
      const notebook = await open({ carriers: ['store'], store: { store, key: () => key as never } });
      const reports: string[] = [];
      notebook.cluster.on('promiseWeakened', ({ detail }) => void reports.push(detail));
      await notebook.visitor().post(writeNote);
      expect([...store.entries.keys()]).toEqual(['replication:default:42']);
      key = Promise.resolve('ann');
      expect((await notebook.visitor().get(readNotes)).route).toBe('primary; reason=carrier-failed');
      expect(reports).toEqual([expect.stringContaining('store.key has answered object; expected a string')]);
    });

    it.each<[string, Partial<TokenStore>]>([
      [
        'down',
        {
          get: () => Promise.reject(new Error('ECONNREFUSED')),
          set: () => Promise.reject(new Error('ECONNREFUSED')),
        },
      ],
      ['silent', { get: () => new Promise(() => undefined), set: () => new Promise(() => undefined) }],
      [
        'broken',
        {
          get: () => {
            throw new Error('broken');
          },
        },
      ],
    ])('that is %s costs freshness of the primary, never a request', async (_how, broken) => {
      const store = createStore(broken);
      const notebook = await open({ carriers: ['store'], store: { store, key: () => 'ann', timeoutMs: 30 } });
      const reports: string[] = [];
      notebook.cluster.on('promiseWeakened', ({ detail }) => void reports.push(detail));
      expect((await notebook.visitor().post(writeNote)).status).toBe(200);
      const read = await notebook.visitor().get(readNotes);
      expect([read.status, read.route]).toEqual([200, 'primary; reason=carrier-failed']);
      for (let request = 0; request < 5; request++) await notebook.visitor().get(readNotes);
      expect(reports).toHaveLength(1);
      expect(reports[0]).toContain('carrier of tokens failed');
    });
  });

  describe("by a carrier of the user's own", () => {
    it('which is asked once per unit and told of each write', async () => {
      const seen: string[] = [];
      const tokens: string[] = [];
      const carrier: Carrier = {
        name: 'own',
        read: () => (seen.push('read'), tokens.slice(-1)),
        record: async (_exchange, { text, wrote }) => void (seen.push(`record ${wrote}`), tokens.push(text)),
        send: (_exchange, { wrote }) => void seen.push(`send ${wrote}`),
      };
      const notebook = await open({ carriers: [carrier] });
      await notebook.visitor().post(writeNote);
      const read = await notebook
        .visitor()
        .get(async (desk) => [await readNotes(desk), await readNotes(desk)]);
      expect(read.route).toBe('primary; reason=behind-token');
      expect(seen).toEqual(['record true', 'send true', 'read']);
    });

    it('and whose failures fail no request', async () => {
      const fail = () => {
        throw new Error('own carrier');
      };
      const carrier: Carrier = {
        name: 'own',
        read: fail,
        record: () => Promise.reject(new Error('own')),
        send: fail,
      };
      const notebook = await open({ carriers: [carrier] });
      expect((await notebook.visitor().post(writeNote)).status).toBe(200);
      expect((await notebook.visitor().get(readNotes)).status).toBe(200);
    });
  });

  describe('sealed', () => {
    it('and understood during a rotation of secrets', async () => {
      const [before, during, after] = [
        await open({ secret: OLD }),
        await open({ secret: [OLD, NEW] }),
        await open({ secret: [NEW, OLD] }),
      ];
      const last = await open({ secret: NEW });
      for (const [writer, reader] of [
        [before, during],
        [during, before],
        [during, after],
        [after, during],
        [last, after],
      ] as const) {
        const cookie = await cookieOf(writer);
        expect((await reader.visitor().get(readNotes, { headers: { cookie } })).route).toBe(
          'primary; reason=behind-token',
        );
      }
      // Not a step of a rotation: for a while the primary, never a stale read.
      const cookie = await cookieOf(before);
      expect((await last.visitor().get(readNotes, { headers: { cookie } })).route).toBe(
        'primary; reason=unread-token',
      );
    });

    it('and ignored when forged', async () => {
      const notebook = await open({ secret: OLD });
      const [name = '', value = ''] = (await cookieOf(notebook)).split('=');
      const forged = `${name}=${value.slice(0, -6)}AAAAAA`;
      const { answer, tokens } = await notebook.counting(() =>
        notebook.visitor().get(readNotes, { headers: { cookie: forged } }),
      );
      expect([answer.status, tokens['forged']]).toEqual([200, 1]);
      expect(answer.route).toMatch(ON_REPLICA);
    });
  });

  it.each<[string, string]>([
    ['malformed', 'replication-0000AAAA=%%%'],
    ['malformed in our alphabet', 'replication-0000AAAA=abcd.efgh..'],
    ['absurdly large', `replication-0000AAAA=${'A'.repeat(6_000)}`],
    [
      'hundreds',
      Array.from(
        { length: 150 },
        (_, index) =>
          `replication-${(index + 4096).toString(16).toUpperCase().padStart(8, '0')}=${'A'.repeat(48)}`,
      ).join('; '),
    ],
  ])('and one that is %s makes no request fail', async (_what, cookie) => {
    const notebook = await open();
    const read = await notebook.visitor().get(readNotes, { headers: { cookie } });
    expect(read.status).toBe(200);
    expect(read.route).toMatch(ON_REPLICA);
    expect((await notebook.visitor().post(writeNote, { headers: { cookie } })).status).toBe(200);
  });

  it('and is forgotten after maxAgeMs', async () => {
    const notebook = await open(
      { maxAgeMs: 9_000 },
      { options: { monitor: { hardMaxLagMs: 3_000, maxLagMs: 2_000, intervalMs: 500 } } },
    );
    const cookie = await cookieOf(notebook);
    const aged = async (ageMs: number) => {
      const bytes = Buffer.from(cookie.split('=')[1] ?? '', 'base64url');
      bytes.writeUIntBE(Date.now() - ageMs, 5, 6);
      const headers = { cookie: resealPlain(cookie, bytes) };
      const { answer, tokens } = await notebook.counting(() =>
        notebook.visitor().get(readNotes, { headers }),
      );
      return [answer.route?.slice(0, 7), Object.keys(tokens)];
    };
    expect(await aged(8_000)).toEqual(['primary', ['returned']]);
    expect(await aged(9_100)).toEqual(['replica', ['expired']]);
    // A forger would have it never expire.
    expect(await aged(-8_000)).toEqual(['primary', ['returned']]);
    expect(await aged(-3_600_000)).toEqual(['replica', ['forged']]);
  });

  describe('for handlers', () => {
    it.each([
      ['slave', /^replica-\d; reason=use-slave/],
      ['slave-own', /^primary; reason=behind-token/],
      ['eventual', ON_REPLICA],
      ['careful', /^primary; reason=level-primary/],
      ['plain', /^primary; reason=behind-token/],
    ] as const)('at /%s its reader is served by %s', async (place, route) => {
      const notebook = await open();
      const visitor = notebook.visitor();
      await visitor.post(writeNote);
      expect((await visitor.get(readNotes, { place })).route).toMatch(route);
    });

    it("of level 'primary' stays on the primary while the token lives, and others do not", async () => {
      const notebook = await open({ level: 'primary' });
      const visitor = notebook.visitor();
      await visitor.post(writeNote);
      await resume();
      await postgres.waitForReplication();
      expect((await visitor.get(readNotes)).route).toBe('primary; reason=level-primary');
      expect((await notebook.visitor().get(readNotes)).route).toMatch(ON_REPLICA);
      const malformed = { headers: { cookie: 'replication-0000AAAA=abcd' } };
      expect((await notebook.visitor().get(readNotes, malformed)).route).toMatch(ON_REPLICA);
    });

    it("of level 'eventual' neither leaves nor reads tokens", async () => {
      const notebook = await open();
      const visitor = notebook.visitor();
      expect((await visitor.post(writeNote, { place: 'eventual' })).tokens).toEqual([]);
      const none = await open({ level: 'eventual' });
      expect((await none.visitor().post(writeNote)).tokens).toEqual([]);
    });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 42],
  ])('beside an affinity of %s, which fails no request', async (_what, key) => {
    const notebook = await open({ affinity: () => key as never });
    const routes = new Set<string | null>();
    for (let request = 0; request < 12; request++)
      routes.add((await notebook.visitor().get(readNotes)).route);
    expect([...routes].filter((route) => !ON_REPLICA.test(route ?? ''))).toEqual([]);
    if (key === 42) expect(routes.size).toBe(1);
  });

  describe('across services', () => {
    it('by token() and run({ token })', async () => {
      const notebook = await open();
      const { db, selector } = notebook;
      let token: string | undefined;
      await notebook.visitor().post(async (desk) => {
        await writeNote(desk);
        token = await selector.token();
      });
      const read = (given: string | undefined) =>
        selector.run({ intent: 'replica', token: given }, async () => {
          await selector.run({ intent: 'replica' }, () => db.getRepository(Note).find());
          await db.getRepository(Note).find();
          return selector.route?.reason;
        });
      expect(token).toBeDefined();
      expect(await read(token)).toBe('behind-token');
      expect(await read(undefined)).toBe('explicit');
      expect(await read('nonsense')).toBe('explicit');
    });

    it('with what the client brought, and what nested units wrote', async () => {
      const notebook = await open();
      const { selector } = notebook;
      const cookie = await cookieOf(notebook);
      const tokens: (string | undefined)[] = [];
      const work: Work = async (desk) => {
        tokens.push(await selector.token());
        await selector.run({ intent: 'primary' }, async () => {
          await writeNote(desk);
          tokens.push(await selector.token());
        });
        tokens.push(await selector.token());
        return 'done';
      };
      await notebook.visitor().post(work, { headers: { cookie } });
      expect(tokens.every((token) => token !== undefined)).toBe(true);
      expect(tokens[1]).toBe(tokens[2]);
      expect(tokens[0]).not.toBe(tokens[1]);
    });

    it('with a time pin for what is not understood here', async () => {
      const [other, notebook] = [await open({ secret: OLD }), await open({ secret: NEW })];
      const cookie = await cookieOf(other);
      let token: string | undefined;
      await notebook.visitor().post(
        async ({ selector }) => {
          token = await selector.token();
        },
        { headers: { cookie } },
      );
      const { db, selector } = notebook;
      await selector.run({ intent: 'replica', token }, async () => {
        await db.getRepository(Note).find();
        // Without an identifier of clusters, it is like one of ours that has no position.
        expect(selector.route?.reason).toBe(isPostgres ? 'unread-token' : 'client-wrote-recently');
      });
    });

    it('not from inside an open transaction', async () => {
      const notebook = await open();
      const answer = await notebook
        .visitor()
        .post(({ db, selector }) =>
          db.transaction(() => selector.token()).catch((error: { code: string }) => error.code),
        );
      expect(answer.body).toBe('ERR_REPLICATED_USAGE');
    });

    it('to whenReplayed(), which resolves when all replicas have it', async () => {
      const notebook = await open();
      const { cluster } = notebook;
      let token: string | undefined;
      await notebook.visitor().post(async (desk) => {
        await writeNote(desk);
        token = await desk.selector.token();
      });
      await expect(cluster.whenReplayed(token, { timeoutMs: 60 })).rejects.toMatchObject({
        code: 'ERR_REPLICATED_USAGE',
      });
      let isReplayed = false;
      const replayed = cluster.whenReplayed(token, { timeoutMs: 5_000 }).then(() => (isReplayed = true));
      await postgres.replicas[0]?.resumeReplay();
      expect(isReplayed).toBe(false);
      await resume();
      await replayed;
      await cluster.whenReplayed(undefined);
      await expect(cluster.whenReplayed('nonsense')).rejects.toMatchObject({ code: 'ERR_REPLICATED_USAGE' });
    });
  });

  it('and a warning is given once when a hundred were issued and none came back', async () => {
    const notebook = await open();
    const reports: string[] = [];
    notebook.cluster.on('promiseWeakened', ({ detail }) => void reports.push(detail));
    for (let request = 0; request < 110; request++) await notebook.visitor().post(writeNote);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/100 tokens were issued and none has come back.*SameSite|credentials/is);
  });

  it('unless the write comes after the response, which is said once per handler', async () => {
    const notebook = await open();
    const late: string[] = [];
    notebook.cluster.on('lateWrite', ({ handler }) => void late.push(handler));
    const work: Work = async (desk) => {
      (desk.response as { send(body: string): void }).send('sent');
      await waitUntil(() => isHeadSent(desk.response));
      await writeNote(desk);
      done++;
    };
    let done = 0;
    for (let request = 0; request < 3; request++) await notebook.visitor().post(work, { place: 'raw' });
    await waitUntil(() => done === 3);
    expect(late).toEqual(['RawController.run']);
  });

  it('and its client reads a replica again as soon as one has the write', async () => {
    const notebook = await open();
    const visitor = notebook.visitor();
    await visitor.post(writeNote);
    expect((await visitor.get(readNotes)).route).toBe('primary; reason=behind-token');
    await postgres.replicas[1]?.resumeReplay();
    await waitUntil(async () => (await visitor.get(readNotes)).route === 'replica-2; reason=read-method');
  });

  describe('of reads (monotonic)', () => {
    it('goes with the header, so that no later read is older', async () => {
      const notebook = await open({ carriers: ['header'] });
      const visitor = notebook.visitor();
      await postgres.replicas[0]?.resumeReplay();
      await postgres.primary.query(`INSERT INTO note (text) VALUES ('new')`);
      await postgres.waitForReplication();
      const read = await waitUntil(async () => {
        const answer = await visitor.get(readNotes);
        return answer.route?.startsWith('replica-1') ? answer : undefined;
      });
      const token = read.headers.get('replication-token');
      expect(token).not.toBeNull();
      for (let request = 0; request < 10; request++) {
        const again = await visitor.get(readNotes, { headers: { 'replication-token': token ?? '' } });
        expect(again.route).toBe('replica-1; reason=read-method');
        expect(again.body).toEqual(read.body);
      }
    });

    it('is recorded in the store, under the key of the reader', async () => {
      const store = createStore();
      const notebook = await open({ carriers: ['store'], store: { store, key: () => 'ann' } });
      await notebook.visitor().get(readNotes);
      expect([...store.entries.keys()]).toEqual(['replication:default:ann']);
    });

    it.each<[string, ConsistencyOptions]>([
      ['by cookie', {}],
      ['with monotonicReads: false', { carriers: ['header'], monotonicReads: false }],
    ])('is not taken, and costs no query, %s', async (_what, consistency) => {
      const notebook = await open(consistency);
      const read = await notebook.visitor().get(readNotes);
      expect([read.headers.get('replication-token'), read.tokens, read.headers.get('cache-control')]).toEqual(
        [null, [], null],
      );
    });
  });

  async function cookieOf(notebook: Notebook): Promise<string> {
    const visitor = notebook.visitor();
    await visitor.post(writeNote);
    return visitor.browser.cookie;
  }
});

@Injectable()
class Login implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: unknown; headers: Record<string, string> }>();
    if (request.headers['x-user']) request.user = { id: request.headers['x-user'] };
    return true;
  }
}

const userOf = (request: { user?: { id: string } }) => request.user?.id;
const keysOf = (request: { headers: Record<string, string> }) => request.headers['x-keys']?.split(',');
const isHeadSent = (response: unknown) => {
  const { raw, headersSent } = response as { raw?: { headersSent: boolean }; headersSent?: boolean };
  return raw?.headersSent ?? headersSent;
};

function createStore(broken: Partial<TokenStore> = {}) {
  const entries = new Map<string, string>();
  const store = {
    entries,
    gets: 0,
    async get(key: string) {
      store.gets++;
      return entries.get(key);
    },
    async set(key: string, value: string) {
      entries.set(key, value);
    },
  };
  return Object.assign(store, broken);
}

/** `fetch` does not let one choose the Host header. */
async function setCookieFor(app: INestApplication, host: string): Promise<string> {
  const url = new URL(`${await app.getUrl()}/plain/${workFor(writeNote)}`);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: url.hostname, port: url.port, path: url.pathname, method: 'POST', headers: { host } },
      (response) => {
        response.resume();
        resolve(String(response.headers['set-cookie']));
      },
    );
    sent.on('error', reject).end();
  });
}

/** Another date for a plain token, which anybody can make: it has a checksum and no key. */
function resealPlain(cookie: string, bytes: Buffer): string {
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return `${cookie.split('=')[0]}=${bytes.toString('base64url')}`;
}
