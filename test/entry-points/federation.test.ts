import { ApolloFederationDriver, ApolloGatewayDriver } from '@nestjs/apollo';
import { IntrospectAndCompose, RemoteGraphQLDataSource } from '@apollo/gateway';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ModuleMetadata, Type } from '@nestjs/common';
import {
  Args,
  GraphQLModule,
  Mutation,
  Parent,
  Query,
  ResolveField,
  Resolver,
  ResolveReference,
} from '@nestjs/graphql';
import { InjectRepository } from '@nestjs/typeorm';
import { ReplicatedModule, TOKEN_HEADER } from 'nestjs-replicated';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { Repository } from 'typeorm';
import { Note } from '../support/note.js';
import { optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import { GraphqlClient } from './graphql-client.js';
import { createContext, TokenDataSource } from './token-trail.js';

@Resolver('Note')
class WritingResolver {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Mutation()
  add(@Args('text') text: string) {
    return this.notes.save({ text });
  }
}

@Resolver('Note')
class ReadingResolver {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Query()
  count() {
    return this.notes.count();
  }

  @ResolveReference()
  resolveReference({ id }: { id: string }) {
    return this.notes.findOneBy({ id: Number(id) });
  }

  @ResolveField()
  async text(@Parent() { id }: { id: string }) {
    return (await this.notes.findOneBy({ id: Number(id) }))?.text;
  }
}

const WRITING =
  'type Note @key(fields: "id") { id: ID! } type Query { _: Int } type Mutation { add(text: String!): Note }';
const READING = 'type Note @key(fields: "id") { id: ID! text: String } type Query { count: Int }';

interface Data {
  readonly add: { readonly id: string; readonly text: string | null };
  readonly count: number;
}

describe('a federated graph', () => {
  let cluster: PostgresCluster;
  const sites: Site[] = [];
  let gateway: Site;
  let plainGateway: Site;

  async function start(metadata: ModuleMetadata): Promise<Site> {
    const site = await openApp(metadata);
    sites.push(site);
    return site;
  }

  function startSubgraph(typeDefs: string, resolver: Type): Promise<Site> {
    const options = optionsFor(cluster, { consistency: { carriers: ['cookie', 'header'] } });
    const graphql = GraphQLModule.forRoot({ driver: ApolloFederationDriver, typeDefs, graphiql: false });
    return start({
      imports: [
        ReplicatedModule.forRoot(options),
        ReplicatedModule.forFeature([Note]),
        graphql,
        ReplicatedGraphqlModule,
      ],
      providers: [resolver],
    });
  }

  function startGateway(
    subgraphs: { name: string; url: string }[],
    DataSource: typeof RemoteGraphQLDataSource,
  ) {
    const graphql = GraphQLModule.forRoot({
      driver: ApolloGatewayDriver,
      server: { context: createContext, graphiql: false },
      gateway: {
        supergraphSdl: new IntrospectAndCompose({ subgraphs }),
        buildService: ({ url }: { url?: string }) => new DataSource({ url: url ?? '' }),
      },
    });
    return start({ imports: [graphql] });
  }

  beforeAll(async () => {
    cluster = await startSeededCluster();
    const writing = await startSubgraph(WRITING, WritingResolver);
    const reading = await startSubgraph(READING, ReadingResolver);
    const subgraphs = Object.entries({ writing, reading }).map(([name, { url }]) => ({
      name,
      url: `${url}/graphql`,
    }));
    gateway = await startGateway(subgraphs, TokenDataSource as typeof RemoteGraphQLDataSource);
    plainGateway = await startGateway(subgraphs, RemoteGraphQLDataSource);
  });
  afterAll(async () => {
    for (const { app } of sites.toReversed()) await app.close();
    await cluster?.stop();
  });
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  });

  it("the gateway's own query for entities shows what the mutation before it has written", async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { add } = await new GraphqlClient<Data>(gateway.url).ask(
      'mutation { add(text: "new") { id text } }',
    );
    expect(add.text).toBe('new');
  });

  it('does not, if the gateway passes no tokens on', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const { add } = await new GraphqlClient<Data>(plainGateway.url).ask(
      'mutation { add(text: "new") { id text } }',
    );
    expect(add.text).toBeNull();
  });

  it('a client sees its own mutation in the next request, by cookie and by header', async () => {
    const writer = new GraphqlClient<Data>(gateway.url);
    const { count } = await writer.ask('{ count }');
    await cluster.replicas[0]?.pauseReplay();
    await writer.ask('mutation { add(text: "new") { id } }');
    const token = writer.headers.get(TOKEN_HEADER) ?? '';
    expect(await writer.ask('{ count }')).toEqual({ count: count + 1 });
    const program = new GraphqlClient<Data>(gateway.url, { [TOKEN_HEADER]: token });
    expect(await program.ask('{ count }')).toEqual({ count: count + 1 });
    expect(await new GraphqlClient<Data>(gateway.url).ask('{ count }')).toEqual({ count });
  });

  it('what the client carries does not grow', async () => {
    let token = '';
    const lengths: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const program = new GraphqlClient<Data>(gateway.url, token === '' ? {} : { [TOKEN_HEADER]: token });
      await program.ask('mutation { add(text: "new") { id text } }');
      token = program.headers.get(TOKEN_HEADER) ?? '';
      lengths.push(token.split(',').length);
    }
    expect(lengths.at(-1)).toBe(lengths[0]);
  });
});
