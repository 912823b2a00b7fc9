import {
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type ModuleMetadata,
  type PipeTransform,
} from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Args,
  Context,
  Field,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import DataLoader from 'dataloader';
import mercurius from 'mercurius';
import {
  ChangesDatabase,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  UseSlave,
  type ReplicatedModuleOptions,
} from 'nestjs-replicated';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import { Repository } from 'typeorm';
import { SERVER_PORT } from '../support/database.js';
import { Note, serverOf } from '../support/note.js';

@ObjectType()
class Place {
  /** Which kind of server the root resolver has read. */
  @Field()
  root!: string;

  @Field(() => Int)
  notes!: number;
}

@Injectable({ scope: Scope.DEFAULT })
export class Places {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  async here(): Promise<Place> {
    const [root, notes] = await Promise.all([serverOf(this.notes), this.notes.count()]);
    return { root, notes };
  }

  server(): Promise<string> {
    return serverOf(this.notes);
  }

  async node(): Promise<string> {
    const rows: { port: number }[] = await this.notes.query(`SELECT ${SERVER_PORT} AS port`);
    return String(rows[0]?.port);
  }
}

/** Writes, as one that counts calls. */
@Injectable()
class CountingGuard implements CanActivate {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  async canActivate() {
    await this.notes.save({ text: 'counted' });
    return true;
  }
}

/** Answers which kind of server it has read. */
@Injectable()
class ReadingPipe implements PipeTransform {
  constructor(private readonly places: Places) {}

  transform() {
    return this.places.server();
  }
}

interface LoaderContext {
  loader?: DataLoader<string, string>;
}

@Resolver(() => Place)
class PlacesResolver {
  constructor(
    private readonly places: Places,
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
  ) {}

  @Query(() => Place)
  here() {
    return this.places.here();
  }

  @Query(() => Place)
  @ChangesDatabase()
  fresh() {
    return this.places.here();
  }

  @Query(() => String)
  node() {
    return this.places.node();
  }

  /** Answers what was there before its write, so that only a field resolver can show it. */
  @Query(() => Place)
  @ChangesDatabase()
  async visit() {
    const place = await this.places.here();
    await this.notes.save({ text: 'visit' });
    return place;
  }

  @Query(() => Place)
  async forbidden() {
    await this.notes.insert({ text: 'forbidden' });
    return this.places.here();
  }

  /** Nobody awaits what it writes. */
  @Query(() => Boolean)
  careless() {
    void this.notes.insert({ text: 'careless' });
    return true;
  }

  /** Writes when its response is long sent; over a socket, when it has answered. */
  @Query(() => Boolean)
  @UseSlave()
  logLater() {
    setTimeout(() => void this.notes.save({ text: 'logged later' }), 100);
    return true;
  }

  @Query(() => String)
  @ChangesDatabase()
  @UseGuards(CountingGuard)
  guarded(@Args('by', ReadingPipe) server: string) {
    return server;
  }

  @Query(() => String)
  @UseGuards(CountingGuard)
  guardedForbidden() {
    return this.places.server();
  }

  @Mutation(() => String)
  @UseSlave()
  piped(@Args('by', ReadingPipe) server: string) {
    return server;
  }

  /** Writes when its response is long sent. */
  @Mutation(() => Boolean)
  addLater() {
    setTimeout(() => void this.notes.save({ text: 'late' }), 100);
    return true;
  }

  @Mutation(() => Place)
  look() {
    return this.places.here();
  }

  @Mutation(() => Place)
  @UseSlave()
  search() {
    return this.places.here();
  }

  @Mutation(() => Place)
  async add(@Args('text') text: string) {
    await this.notes.save({ text });
    return this.places.here();
  }

  @Subscription(() => Place, { resolve: (place: Place) => place })
  async *moved() {
    yield await this.places.here();
  }

  /** Which kind of server a field resolver reads. */
  @ResolveField(() => String)
  field() {
    return this.places.server();
  }

  /** Which kind of server a field resolver reads that says so itself. */
  @ResolveField(() => String)
  @ChangesDatabase()
  freshField() {
    return this.places.server();
  }

  @ResolveField(() => String)
  batched(@Parent() place: Place, @Context() context: LoaderContext) {
    context.loader ??= new DataLoader(async (keys) => {
      const server = await this.places.server();
      return keys.map(() => server);
    });
    return context.loader.load(`${place.root} ${Math.random()}`);
  }

  @ResolveField(() => Int)
  notesNow() {
    return this.notes.count();
  }
}

@Resolver()
@UseSlave()
class ReportsResolver {
  constructor(private readonly places: Places) {}

  @Mutation(() => Place)
  report() {
    return this.places.here();
  }
}

@Resolver()
@ChangesDatabase()
class CountersResolver {
  constructor(private readonly places: Places) {}

  @Query(() => Place)
  counted() {
    return this.places.here();
  }

  @Query(() => Place)
  @UseSlave()
  cached() {
    return this.places.here();
  }
}

const apollo = () =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    allowBatchedHttpRequests: true,
    subscriptions: { 'graphql-ws': true },
    graphiql: false,
  });

const mercuriusModule = () =>
  GraphQLModule.forRoot<MercuriusDriverConfig>({
    driver: MercuriusDriver,
    autoSchemaFile: true,
    allowBatchedQueries: true,
    subscription: { fullWsTransport: true },
    jit: 1,
    persistedQueryProvider: mercurius.persistedQueryDefaults.automatic(),
  });

/** The drivers of Nest on the platforms that they support, for `describe.each`. */
export const DRIVERS = [
  {
    driver: 'Apollo on Express',
    graphql: apollo,
    createAdapter: (): AbstractHttpAdapter => new ExpressAdapter(),
  },
  {
    driver: 'Apollo on Fastify',
    graphql: apollo,
    createAdapter: (): AbstractHttpAdapter => new FastifyAdapter() as never,
  },
  {
    driver: 'Mercurius on Fastify',
    graphql: mercuriusModule,
    createAdapter: (): AbstractHttpAdapter => new FastifyAdapter() as never,
  },
];

/** A module that answers GraphQL with the servers it has read. */
export function graphqlModule(
  graphql: () => NonNullable<ModuleMetadata['imports']>[number],
  options: ReplicatedModuleOptions,
): ModuleMetadata {
  return {
    imports: [
      ReplicatedModule.forRoot(options),
      ReplicatedModule.forFeature([Note]),
      graphql(),
      ReplicatedGraphqlModule,
    ],
    providers: [Places, PlacesResolver, ReportsResolver, CountersResolver, CountingGuard, ReadingPipe],
  };
}
