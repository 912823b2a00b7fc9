import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { toDataSourceOptions } from 'nestjs-replicated';
import { waitUntil } from 'nestjs-replicated/testing';
import { DataSource } from 'typeorm';
import { openDatabase, type EmbeddedEngine } from '../../sample-app/cluster/open-database.js';
import { databaseOptions } from '../../sample-app/database-options.js';
import { mostActive } from '../../sample-app/most-active.js';
import { describeOn } from '../support/mariadb-server.js';
import { startGuestbook, type Guestbook } from './guestbook.js';
import type { Visitor } from './visitor.js';

const FROM_REPLICA = /^replica-[12]; reason=read-method$/;

describeOn('postgres', 'the guestbook', () => testGuestbook('postgres'));
describeOn('mariadb', 'the guestbook on MariaDB', () => testGuestbook('mariadb'));

describe('the engine of the guestbook', () => {
  it('is one of those that can be started', () => {
    expect(() => openDatabase({ ENGINE: 'oracle' }, () => undefined)).toThrow(
      "ENGINE: expected postgres or mariadb, got 'oracle'.",
    );
  });
});

function testGuestbook(engine: EmbeddedEngine): void {
  let guestbook: Guestbook;
  beforeAll(async () => {
    guestbook = await startGuestbook(engine);
  });
  afterAll(() => guestbook?.stop());

  async function signedIn(name: string): Promise<Visitor> {
    const visitor = guestbook.visitor();
    await visitor.signIn(name);
    return visitor;
  }

  it('is read from a replica by those who have not written', async () => {
    const { status, route, page } = await guestbook.visitor().get('/');
    expect(status).toBe(200);
    expect(route).toMatch(FROM_REPLICA);
    expect(page).toContain('A GET only reads, so a replica answers.');
  });

  it('has migrations that make what its entities describe', async () => {
    const options = databaseOptions({ ...guestbook.database, replicaUrls: [] });
    const dataSource = await new DataSource(toDataSourceOptions(options)).initialize();
    try {
      const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
      expect(upQueries.map(({ query }) => query)).toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });

  it('takes a real cluster from its environment, which it offers no buttons to break', async () => {
    const { primaryUrl, replicaUrls } = guestbook.database;
    const env = { PRIMARY_URL: primaryUrl, REPLICA_URLS: replicaUrls.join(', ') };
    const other = await startGuestbook(await openDatabase(env, () => undefined));
    try {
      const { page, route } = await other.visitor().get('/');
      expect(route).toMatch(FROM_REPLICA);
      expect(page).not.toContain('Pause replay');
      expect(page).not.toContain('Kill');
      const kill = { node: 'replica-1', fault: 'kill' };
      expect((await other.visitor().post('/cluster/faults', kill)).status).toBe(404);
    } finally {
      await other.stop();
    }
  });

  it('serves its style sheet and its script', async () => {
    for (const path of ['/guestbook.css', '/guestbook.js', '/icon.svg']) {
      expect((await guestbook.visitor().get(path)).status).toBe(200);
    }
  });

  it('signs visitors in and out by a cookie', async () => {
    const ada = await signedIn('Ada Lövelace; <i>');
    expect((await ada.get('/')).page).toContain('Signed in as <strong>Ada Lövelace; &lt;i&gt;</strong>');
    const { page } = await ada.postAndFollow('/sign-out', {});
    expect(page).not.toContain('Signed in as');
  });

  it('escapes what visitors write, wherever it is shown', async () => {
    const text = `</textarea><script>alert("x")</script> & 'quotes'`;
    const escaped =
      '&lt;/textarea&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;quotes&#39;';
    const ada = await signedIn('<script>');
    const { page: home } = await ada.postAndFollow('/posts', { text });
    const { location = '' } = await ada.post('/posts', { text: 'an innocent post' });
    const postPath = location.replace('/#post-', '/posts/');
    const { page: commented } = await ada.postAndFollow(`${postPath}/comments`, { text });
    const { page: found } = await ada.post('/search', { text });
    for (const page of [home, commented, found]) {
      expect(page).toContain(escaped);
      expect(page).not.toMatch(/<script>/);
    }
  });

  it('asks those who are nobody to sign in before they write', async () => {
    const { status, page } = await guestbook.visitor().post('/posts', { text: 'hello' });
    expect(status).toBe(403);
    expect(page).toContain('Sign in with a name first');
  });

  it.each(['a%00b', '%20', '%ED%A0%80', 'x'.repeat(41)])(
    'takes a visitor whose cookie says %s for nobody',
    async (name) => {
      const headers = { cookie: `visitor=${name}` };
      const { status } = await guestbook.visitor().post('/posts', { text: 'hello' }, headers);
      expect(status).toBe(403);
    },
  );

  it.each(['\0', '\ud800'])('refuses a name that cannot be stored: %j', async (name) => {
    const response = await fetch(new URL('/sign-in', guestbook.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    expect(response.status).toBe(400);
  });

  it.each([
    ['no text', {}, 'Your text is missing.'],
    ['an empty text', { text: ' \n ' }, 'Your text is empty.'],
    ['a text that is too long', { text: 'x'.repeat(501) }, 'Your text is longer than 500 characters.'],
    ['a NUL', { text: 'a\0b' }, 'Your text contains a character that cannot be stored.'],
  ])('explains why it refuses %s', async (_, fields: Record<string, string>, message) => {
    const { status, page } = await (await signedIn('Ada')).post('/posts', fields);
    expect(status).toBe(400);
    expect(page).toContain(message);
  });

  it.each(['/posts/0', '/posts/x', '/posts/99999999999'])('refuses %s, which is no post', async (path) => {
    expect((await guestbook.visitor().get(path)).status).toBe(400);
  });

  it('says so when there is no such post', async () => {
    expect((await guestbook.visitor().get('/posts/4711')).status).toBe(404);
    expect((await (await signedIn('Ada')).post('/posts/4711/comments', { text: 'hi' })).status).toBe(404);
  });

  it.each([
    ['Origin', { origin: 'https://elsewhere.example' }],
    ['Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site' }],
  ])('refuses forms of other sites, by %s', async (_, headers: Record<string, string>) => {
    const { status } = await guestbook.visitor().post('/cluster/replay', { fault: 'pause-replay' }, headers);
    expect(status).toBe(403);
    expect(await guestbook.status()).toMatchObject({ isReplayPaused: false });
  });

  it('shows twenty posts and links to older ones', async () => {
    const ada = await signedIn('Ada');
    const { location } = await ada.post('/posts', { text: 'the oldest of many' });
    for (let count = 0; count < 20; count++) await ada.post('/posts', { text: 'one of many' });
    const { page } = await ada.get('/');
    expect(page).not.toContain('the oldest of many');
    const [, older = ''] = /href="(\/\?before=\d+)"/.exec(page) ?? [];
    expect((await ada.get(older)).page).toContain(`id="${location?.slice(2)}"`);
  });

  it('finds posts by a POST that reads a replica', async () => {
    const ada = await signedIn('Ada');
    await ada.post('/posts', { text: '100% of a needle' });
    const search = (text: string) => guestbook.visitor().post('/search', { text });
    const { route, page } = await waitUntil(async () => {
      const answer = await search('0% OF A');
      return answer.page.includes('1 found') ? answer : undefined;
    });
    expect(route).toMatch(/^replica-[12]; reason=use-slave$/);
    expect(page).toContain('100% of a needle');
    expect((await search('0_ of a')).page).toContain('0 found');
  });

  it('has a script that reads a replica', async () => {
    const eve = await signedIn('Eve');
    for (let count = 0; count < 3; count += 1) await eve.post('/posts', { text: 'for the report' });
    const report = await waitUntil(async () => {
      const text = await mostActive(guestbook.database);
      return text.includes('Eve: 3') ? text : undefined;
    });
    expect(report).toMatch(/\(says replica-[12]\)$/);
  });

  it('counts visits by a GET that writes', async () => {
    const countVisit = async () =>
      /visit-count">(\d+)</.exec((await guestbook.visitor().get('/visit')).page)?.[1];
    const first = Number(await countVisit());
    expect(Number(await countVisit())).toBe(first + 1);
    const { route } = await guestbook.visitor().get('/visit');
    expect(route).toMatch(/^primary; /);
  });

  it('rolls routing out by share of visitors, who stay on their side', async () => {
    const ada = await signedIn('Ada');
    const switchTo = async (order: Record<string, string>, shown: object) => {
      expect((await ada.post('/cluster/routing', order)).status).toBe(303);
      await waitUntil(
        async () => JSON.stringify((await guestbook.status()).routing) === JSON.stringify(shown),
      );
    };
    const routeOf = async (visitor: Visitor) => (await visitor.get('/')).route;
    try {
      await switchTo({ share: '0' }, { mode: 'route', share: 0 });
      expect(await routeOf(ada)).toBe('primary; reason=outside-share');
      expect((await ada.get('/')).page).toContain(
        'Routing is rolled out, and you are not among its clients yet.',
      );
      await switchTo({ share: '0.5' }, { mode: 'route', share: 0.5 });
      const side = await routeOf(ada);
      for (let times = 0; times < 5; times++) expect(await routeOf(ada)).toBe(side);
      await switchTo({ mode: 'primary-only' }, { mode: 'primary-only', share: 0.5 });
      expect(await routeOf(ada)).toBe('primary; reason=mode-primary-only');
      expect((await ada.post('/cluster/routing', { share: '5' })).status).toBe(400);
    } finally {
      await switchTo({ mode: 'route', share: '1' }, { mode: 'route', share: 1 });
    }
    expect(await routeOf(ada)).toMatch(FROM_REPLICA);
  });

  it('logs who was answered by which node, and why', async () => {
    const grace = await signedIn('Grace');
    await grace.post('/posts', { text: 'logged' });
    await grace.get('/posts/4711');
    const logged = (method: string, path: string) =>
      waitUntil(async () =>
        (await guestbook.status()).requests.find(
          (one) => one.visitor === 'Grace' && one.method === method && one.path === path,
        ),
      );
    const write = { node: 'primary', role: 'primary', reason: 'write-method', status: 303 };
    expect(await logged('POST', '/posts')).toMatchObject(write);
    expect(await logged('GET', '/posts/4711')).toMatchObject({ status: 404 });
  });

  describe('with replay paused on all replicas', () => {
    const setReplay = (fault: string) => guestbook.visitor().post('/cluster/replay', { fault });

    beforeAll(async () => {
      await setReplay('pause-replay');
    });
    afterAll(async () => {
      await setReplay('resume-replay');
    });

    it('shows a post to its author, and old pages to the others', async () => {
      expect(await guestbook.status()).toMatchObject({ isReplayPaused: true });
      const [ada, bob] = [await signedIn('Ada'), await signedIn('Bob')];
      const own = await ada.postAndFollow('/posts', { text: 'Written while nobody listens.' });
      expect(own.page).toContain('Written while nobody listens.');
      expect(own.route).toBe('primary; reason=behind-token');
      const other = await bob.get('/');
      expect(other.page).not.toContain('Written while nobody listens.');
      expect(other.route).toMatch(FROM_REPLICA);
    });

    it('shows a post to those who were given its link', async () => {
      const { location = '' } = await (await signedIn('Ada')).post('/posts', { text: 'Look at this!' });
      const shared = await guestbook.visitor().get(`/posts/${location.split('-').at(-1)}`);
      expect(shared.page).toContain('Look at this!');
      expect(shared.route).toMatch(/, primary; reason=empty-answer$/);
    });

    it('shows the own visit in the counter', async () => {
      const ada = guestbook.visitor();
      const { page } = await ada.get('/visit');
      const [, count] = /visit-count">(\d+)</.exec(page) ?? [];
      expect((await ada.get('/')).page).toContain(`Visits counted: ${count} `);
    });

    it('has its report from the primary once replicas are too far behind for it', async () => {
      await (await signedIn('Ada')).post('/posts', { text: 'Counted.' });
      const report = () => guestbook.visitor().get('/authors');
      const { page } = await waitUntil(
        async () => {
          const answer = await report();
          return answer.route === 'primary; reason=too-stale' ? answer : undefined;
        },
        { timeoutMs: 20_000 },
      );
      expect(page).toContain('<strong>Ada</strong>');
      await setReplay('resume-replay');
      await waitUntil(async () => /^replica-[12]; reason=use-slave$/.test((await report()).route ?? ''));
      await setReplay('pause-replay');
    });

    it('shows the post to the others once replay goes on', async () => {
      await setReplay('resume-replay');
      const bob = guestbook.visitor();
      await waitUntil(async () => {
        const { page, route } = await bob.get('/');
        return page.includes('Written while nobody listens.') && FROM_REPLICA.test(route ?? '');
      });
    });
  });

  describe('with a node that fails', () => {
    const apply = (node: string, fault: string) =>
      guestbook.visitor().post('/cluster/faults', { node, fault });
    const reaches = (name: string, state: string) =>
      waitUntil(async () => (await guestbook.node(name))?.state === state, {
        message: `${name} to be ${state}`,
      });

    afterEach(async () => {
      for (const name of ['primary', 'replica-1', 'replica-2']) {
        await apply(name, 'revive');
        await reaches(name, 'usable');
      }
    });

    it.each(['kill', 'blackhole'])(
      'reads on from the other replica after a %s, and from both after a revival',
      async (fault) => {
        await apply('replica-1', fault);
        await reaches('replica-1', 'unreachable');
        expect(await guestbook.visitor().get('/')).toMatchObject({
          status: 200,
          route: 'replica-2; reason=read-method',
        });
        await apply('replica-1', 'revive');
        await reaches('replica-1', 'usable');
        await waitUntil(async () => (await guestbook.visitor().get('/')).route?.startsWith('replica-1'));
      },
    );

    it('does not mind a button that is pressed twice', async () => {
      const answers = await Promise.all([apply('replica-1', 'kill'), apply('replica-1', 'kill')]);
      const revived = await Promise.all([apply('replica-1', 'revive'), apply('replica-1', 'revive')]);
      expect([...answers, ...revived].map(({ status }) => status)).toEqual([303, 303, 303, 303]);
    });

    it('reads on without the primary, and answers writes with 503', async () => {
      const ada = await signedIn('Ada');
      await apply('primary', 'kill');
      await reaches('primary', 'unreachable');
      expect((await guestbook.visitor().get('/')).status).toBe(200);
      const refused = await ada.post('/posts', { text: 'lost?' });
      expect(refused).toMatchObject({ status: 503, retryAfter: '1' });
      expect(refused.page).toContain('Please try again in a second.');
    });

    it('knows no node of another name, and no fault of another kind', async () => {
      expect((await apply('replica-3', 'kill')).status).toBe(404);
      expect((await apply('replica-1', 'drop')).status).toBe(400);
    });
  });
}
