// An application in TypeScript, type-checked against the packed package with every line of Nest and TypeORM. It names
// what users name, so that no declaration needs what the package does not bring.
import { Controller, Get, Module, Post as HttpPost } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  InjectRepository,
  TypeOrmModule,
  type TypeOrmModuleOptions,
  type TypeOrmOptionsFactory,
} from '@nestjs/typeorm';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  ReplicationCluster,
  ReplicaWriteError,
  toDataSourceOptions,
  UseSlave,
  type Balancer,
  type ReplicatedModuleOptions,
  type ReplicatedOptionsFactory,
  type Route,
} from 'nestjs-replicated';
import { auditHandlers, type AuditedHandler } from 'nestjs-replicated/audit';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import { instrumentReplication } from 'nestjs-replicated/otel';
import { ReplicationHealthIndicator } from 'nestjs-replicated/terminus';
import { recordRoutes, startPostgresCluster, waitUntil, type PostgresNode } from 'nestjs-replicated/testing';
import {
  Column,
  DataSource,
  Entity,
  PrimaryGeneratedColumn,
  Repository,
  type DataSourceOptions,
} from 'typeorm';

@Entity()
class Post {
  @PrimaryGeneratedColumn() id!: number;
  @Column() text!: string;
}

@Controller('posts')
class PostsController {
  constructor(
    @InjectReplicatedRepository(Post) private readonly posts: ReplicatedRepository<Post>,
    @InjectRepository(Post) private readonly plain: Repository<Post>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
    private readonly cluster: ReplicationCluster,
  ) {}

  @Get()
  list(): Promise<Post[]> {
    return this.posts.replica.find({ where: { id: 1 } });
  }

  @Get('visit')
  @ChangesDatabase()
  async visit(): Promise<number | undefined> {
    return (await this.plain.increment({ id: 1 }, 'id', 1)).affected;
  }

  @HttpPost('search')
  @UseSlave({ ownWrites: true })
  async search(): Promise<Route | undefined> {
    const found: Post | null = await this.selector.usePrimary(() => this.posts.primary.findOneBy({ id: 1 }));
    if (!found) throw new ReplicaWriteError({ statement: 'save()' });
    const token: string | undefined = await this.selector.token();
    if (token) await this.cluster.whenReplayed(token, { timeoutMs: 100 });
    return this.selector.route;
  }
}

const balancing: Balancer = { pick: (candidates) => candidates[0] };
const options: ReplicatedModuleOptions = {
  type: 'postgres',
  entities: [Post],
  primary: { url: 'postgres://primary' },
  replicas: [{ url: 'postgres://replica', name: 'replica-1', weight: 2 }],
  routing: {
    balancing,
    readMethods: ['GET'],
    rules: [{ path: '/reports', use: 'replica' }],
    share: 0.05,
    control: async (signal) => (signal.aborted ? {} : { mode: 'observe', share: 0.5 }),
  },
  consistency: {
    maxWaitMs: 50,
    carriers: ['cookie', 'header', 'store'],
    secret: 'x',
    // Functions may name their platform's request.
    store: { key: (request: { user?: { id: string } }) => request.user?.id },
    affinity: (request: { user?: { id: string } }) => request.user?.id,
  },
  monitor: { intervalMs: 500 },
};

class Options implements ReplicatedOptionsFactory, TypeOrmOptionsFactory {
  createReplicatedOptions(): ReplicatedModuleOptions {
    return options;
  }

  createTypeOrmOptions(): TypeOrmModuleOptions {
    return toDataSourceOptions(options);
  }
}

class Server {
  constructor(readonly url: string) {}
}

class Configured {
  readonly type = 'postgres';
  readonly primary = new Server('postgres://primary');
  readonly replicas = [new Server('postgres://replica')];
}

@Module({
  imports: [
    ReplicatedModule.forRoot(options),
    ReplicatedModule.forRootAsync({ name: 'a', useClass: Options }),
    TypeOrmModule.forRootAsync({ useClass: Options }),
    ReplicatedModule.forRootAsync({ name: 'e', useFactory: () => new Configured() }),
    ReplicatedModule.forRootAsync({
      name: 'b',
      inject: [Options],
      useFactory: (made: Options) => made.createReplicatedOptions(),
      dataSourceFactory: (given, create) =>
        given.primary ? create({ ...given, logging: true }) : create(given),
    }),
    ReplicatedModule.forRootAsync({
      name: 'c',
      useFactory: () => options,
      dataSourceFactory: (given: DataSourceOptions, create) => create(given),
    }),
    ReplicatedModule.forRootAsync({
      name: 'd',
      useFactory: () => options,
      // @ts-expect-error TypeORM knows no primary.
      dataSourceFactory: (given) => new DataSource(given).initialize(),
    }),
    ReplicatedModule.forFeature([Post]),
    ReplicatedGraphqlModule,
  ],
  controllers: [PostsController],
  providers: [ReplicationHealthIndicator],
})
class AppModule {}

export const commandLine: DataSource = new DataSource(toDataSourceOptions(options));

export async function main(): Promise<PostgresNode> {
  const cluster = await startPostgresCluster({ replicas: 1 });
  const app = await NestFactory.create(AppModule);
  const stop: () => void = instrumentReplication(app.get(ReplicationCluster), { pools: true });
  const rows: readonly AuditedHandler[] = auditHandlers(app, { cluster: 'default' });
  const routes = recordRoutes(app);
  routes.assertUsed(rows[0]?.handler ?? 'GET /posts', 'replica');
  for (const { advice } of app.get(ReplicationCluster).handlers()) console.log(advice ?? routes.lines());
  app.get(ReplicationHealthIndicator).check('database', { minReplicas: 2, writes: 'down' });
  for (const { name, points } of app.get(ReplicationCluster).metrics()) console.log(name, points[0]?.value);
  stop();
  await waitUntil(async () => (await app.get(ReplicationCluster).stats()) !== undefined);
  return cluster.primary;
}
