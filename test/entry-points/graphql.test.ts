import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { ReplicationCluster, TOKEN_HEADER } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { WebSocket } from 'ws';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import { GraphqlClient, type Answer } from './graphql-client.js';
import { DRIVERS, graphqlModule } from './graphql-site.js';

interface Place {
  readonly root: string;
  readonly notes: number;
  readonly notesNow: number;
}
type Data = Record<'here' | 'look' | 'add' | 'visit', Place> & Record<'a' | 'c' | 'd', string>;

let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await startSeededCluster(2);
});
afterAll(() => cluster?.stop());

describe.each(DRIVERS)('GraphQL, $driver', ({ graphql, createAdapter }) => {
  let site: Site;
  const client = (headers?: Record<string, string>) => new GraphqlClient<Data>(site.url, headers);

  beforeAll(async () => {
    const options = optionsFor(cluster, { consistency: { carriers: ['cookie', 'header'] } });
    site = await openApp({ ...graphqlModule(graphql, options), createAdapter });
  });
  afterAll(() => site?.app.close());
  afterEach(async () => {
    for (const replica of cluster.replicas) await replica.resumeReplay();
    await cluster.waitForReplication();
  });

  it.each([
    ['query { here { root } }', 'replica', 'a query reads a replica'],
    ['mutation { look { root } }', 'primary', 'a mutation uses the primary'],
    ['query { fresh { root } }', 'primary', '@ChangesDatabase() on a query'],
    ['mutation { search { root } }', 'replica', '@UseSlave() on a mutation'],
    ['mutation { report { root } }', 'replica', '@UseSlave() on a resolver class'],
    ['query { counted { root } }', 'primary', '@ChangesDatabase() on a resolver class'],
    ['query { cached { root } }', 'replica', 'the decorator of the method beats that of the class'],
  ])('%s: %s, since %s', async (query, root) => {
    const [place] = Object.values(await client().ask(query));
    expect(place).toEqual({ root });
  });

  it('takes the type of the operation that is executed, not of the first in the document', async () => {
    const query = 'query Reads { here { root } } mutation Writes { look { root } }';
    const writes = await client().post({ query, operationName: 'Writes' });
    expect(writes.data.look.root).toBe('primary');
  });

  it.each([
    ['query { here { root } }', /^replica-\d; reason=read-operation$/],
    ['mutation { look { root } }', /^primary; reason=write-operation$/],
    ['{ here { root freshField } }', /^replica-\d; reason=read-operation, primary; reason=changes-database$/],
    [
      'mutation { add(text: "explained") { notesNow } }',
      /^primary; reason=write-operation, primary; reason=wrote-earlier$/,
    ],
  ])('%s: the header tells the routes of all its fields', async (query, routes) => {
    const asker = client();
    await asker.ask(query);
    expect(asker.headers.get('replication-route')).toMatch(routes);
  });

  it('a query by GET reads a replica', async () => {
    const answer = await client().get({ query: '{ here { root } }' });
    expect(answer.data.here.root).toBe('replica');
  });

  it('a persisted query reads a replica by GET, too, and stays with its decorators', async () => {
    const query = 'query { here { root } fresh { root } }';
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    await client().post({ query, extensions });
    const answer = await client().get({ extensions: JSON.stringify(extensions) });
    expect(answer.data).toEqual({ here: { root: 'replica' }, fresh: { root: 'primary' } });
  });

  it('every operation of a batch has its own route', async () => {
    const queries = ['{ here { root } }', 'mutation { look { root } }', '{ here { root } }'];
    const answers = await client().post<Answer<Data>[]>(queries.map((query) => ({ query })));
    expect(answers.map(({ data }) => data)).toEqual([
      { here: { root: 'replica' } },
      { look: { root: 'primary' } },
      { here: { root: 'replica' } },
    ]);
  });

  it('parallel root fields with different routes do not disturb each other', async () => {
    for (let round = 0; round < 5; round += 1) {
      const data = await client().ask(
        '{ a: here { root } b: fresh { root } c: here { root } d: counted { root } e: cached { root } }',
      );
      const roots = Object.values(data as Record<string, unknown> as Record<string, Place>).map(
        ({ root }) => root,
      );
      expect(roots).toEqual(['replica', 'primary', 'replica', 'primary', 'replica']);
    }
  });

  it('parallel root fields read one replica', async () => {
    for (let round = 0; round < 10; round += 1) {
      const data = await client().ask('{ a: node b: here { root } c: node d: node }');
      expect(new Set([data.a, data.c, data.d]).size).toBe(1);
    }
  });

  it('field resolvers and batches of loaders follow their operation, decorated ones their decorators', async () => {
    const fields = '{ field freshField batched }';
    expect(await client().ask(`{ here ${fields} fresh ${fields} }`)).toEqual({
      here: { field: 'replica', freshField: 'primary', batched: 'replica' },
      fresh: { field: 'replica', freshField: 'primary', batched: 'replica' },
    });
    expect(await client().ask(`mutation { look ${fields} search ${fields} }`)).toEqual({
      look: { field: 'primary', freshField: 'primary', batched: 'primary' },
      search: { field: 'primary', freshField: 'primary', batched: 'primary' },
    });
  });

  it('after a write in one field, the fields below it see it', async () => {
    for (const replica of cluster.replicas) await replica.pauseReplay();
    const { visit } = await client().ask('{ visit { notes notesNow field } }');
    expect(visit).toMatchObject({ notesNow: visit.notes + 1, field: 'primary' });
  });

  it('a client sees its own mutation by cookie, while others read replicas', async () => {
    const [writer, reader] = [client(), client()];
    for (const replica of cluster.replicas) await replica.pauseReplay();
    const { add } = await writer.ask('mutation { add(text: "mine") { notes } }');
    expect((await writer.ask('{ here { notes root } }')).here).toEqual({ notes: add.notes, root: 'primary' });
    expect((await reader.ask('{ here { notes root } }')).here).toEqual({
      notes: add.notes - 1,
      root: 'replica',
    });
  });

  it('a client sees its own mutation by header', async () => {
    const writer = client();
    for (const replica of cluster.replicas) await replica.pauseReplay();
    const { add } = await writer.ask('mutation { add(text: "mine") { notes } }');
    const token = writer.headers.get(TOKEN_HEADER) ?? '';
    const program = client({ [TOKEN_HEADER]: token });
    expect((await program.ask('{ here { notes } }')).here.notes).toBe(add.notes);
  });

  it('a query leaves no token, a query that wrote does', async () => {
    const reader = client();
    await reader.ask('{ here { root } }');
    expect(reader.headers.getSetCookie()).toEqual([]);
    await reader.ask('{ visit { root } }');
    expect(reader.headers.getSetCookie()).toHaveLength(1);
  });

  it('a write in a query is refused, by the name of its field, and disturbs no other', async () => {
    const { errors } = await client().post({ query: '{ forbidden { root } }' });
    expect(errors?.[0]?.message).toMatch(/INSERT was refused in Query\.forbidden .*@ChangesDatabase\(\)/);
  });

  it('a write in a query that is not awaited is refused by name, or done after the response', async () => {
    const told: string[] = [];
    const stop = [
      site.app
        .get(ReplicationCluster)
        .on('wroteUnderReplicaIntent', ({ handler, what }) => told.push(`${handler} ${what}`)),
      site.app.get(ReplicationCluster).on('lateWrite', ({ handler }) => told.push(`${handler} late`)),
    ];
    expect(await client().ask('{ careless }')).toEqual({ careless: true });
    await waitUntil(() => told.length > 0);
    expect(['Query.careless refused', 'Query.careless late']).toContain(told[0]);
    for (const end of stop) end();
  });

  it.each(['over HTTP', 'over a socket'])('a query starts what writes later, %s', async (where) => {
    const { refusedWrites } = site.app.get(ReplicationCluster).stats();
    const notes = async () => (await client().ask('mutation { look { notes } }')).look.notes;
    const before = await notes();
    if (where === 'over HTTP') await client().ask('{ logLater }');
    else {
      const url = `${site.url.replace('http', 'ws')}/graphql`;
      const socket = createClient({ url, webSocketImpl: WebSocket });
      expect(await first(socket.iterate({ query: '{ logLater }' }))).toEqual({ logLater: true });
      await socket.dispose();
    }
    await waitUntil(async () => (await notes()) > before);
    expect(site.app.get(ReplicationCluster).stats().refusedWrites).toBe(refusedWrites);
  });

  it('guards and pipes are routed like the resolver that they stand in front of', async () => {
    const query = '{ guarded(by: "x") here { root } }';
    expect(await client().ask(query)).toEqual({ guarded: 'primary', here: { root: 'replica' } });
    expect(await client().ask('mutation { piped(by: "x") }')).toEqual({ piped: 'replica' });
    const { errors } = await client().post({ query: '{ guardedForbidden }' });
    expect(errors?.[0]?.message).toMatch(/save\(\) was refused in Query\.guardedForbidden/);
  });

  it('a mutation that writes when its response is sent is named by its field', async () => {
    const late: string[] = [];
    site.app.get(ReplicationCluster).on('lateWrite', ({ handler }) => late.push(handler));
    await client().ask('mutation { addLater }');
    await waitUntil(() => late.length > 0);
    expect(late).toEqual(['Mutation.addLater']);
  });

  it('over a socket everything uses the primary, since no token travels there', async () => {
    const socket = createClient({
      url: `${site.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
    });
    try {
      expect(await first(socket.iterate({ query: 'subscription { moved { root field } }' }))).toEqual({
        moved: { root: 'primary', field: 'primary' },
      });
      expect(await first(socket.iterate({ query: '{ here { root field } cached { root } }' }))).toEqual({
        here: { root: 'primary', field: 'primary' },
        cached: { root: 'replica' },
      });
    } finally {
      await socket.dispose();
    }
  });
});

async function first(results: AsyncIterable<{ data?: unknown; errors?: unknown }>): Promise<unknown> {
  for await (const { data, errors } of results) return data ?? errors;
  return undefined;
}
