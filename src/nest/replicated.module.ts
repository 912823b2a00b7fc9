import { Module, type DynamicModule } from '@nestjs/common';
import {
  getDataSourceToken,
  TypeOrmModule,
  type TypeOrmModuleAsyncOptions,
  type TypeOrmModuleOptions,
} from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import { drivers } from '../engines/create-engine.js';
import { isRecord, membersOf } from '../options/place.js';
import { resolveOptions } from '../options/resolve-options.js';
import { createReplicatedRepository } from '../typeorm/create-replicated-repository.js';
import { ClusterModule } from './cluster.module.js';
import { ClusterRegistry, REGISTERED_NAME } from './cluster-registry.js';
import { createDataSource } from './composition/create-data-source.js';
import { type EntityClassOrSchema, getReplicatedRepositoryToken } from './injection.js';
import { ReplicatedCoreModule } from './replicated-core.module.js';
import type {
  ReplicatedModuleAsyncOptions,
  ReplicatedModuleOptions,
  ReplicatedOptionsFactory,
} from './replicated-options.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';
import { ownDataSourceError, refuseConnecting } from '../options/driver/refuse-connecting.js';
import { RoutedDataSource } from '../typeorm/routed-data-source.js';

/**
 * A primary database and its replicas, in the place of TypeOrmModule.
 *
 * ```ts
 * @Module({ imports: [ReplicatedModule.forRoot({ type: 'postgres', primary, replicas }), ReplicatedModule.forFeature([Post])] })
 * class AppModule {}
 * ```
 */
@Module({})
export class ReplicatedModule {
  /**
   * Registers one cluster. Several in one application are told apart by `name`, which may be given beside the options.
   *
   * @throws {@link InvalidOptionsError} at start-up, with all problems of the options at once.
   */
  static forRoot(options: ReplicatedModuleOptions, name = options?.name): DynamicModule {
    return this.forRootAsync({
      ...nameOf({ name }),
      useFactory: () => withName(options, name) as ReplicatedModuleOptions,
    });
  }

  /** Registers one cluster whose options are made by a factory, a class or an existing provider. */
  static forRootAsync(options: ReplicatedModuleAsyncOptions): DynamicModule {
    const name = options.name ?? DEFAULT_CLUSTER;
    return {
      module: ReplicatedModule,
      imports: [
        ReplicatedCoreModule,
        TypeOrmModule.forRootAsync(typeOrmOptions(options)),
        ClusterModule.of(name),
      ],
      providers: [{ provide: REGISTERED_NAME, useValue: name }],
    };
  }

  /** Makes `@InjectRepository(E)` and `@InjectReplicatedRepository(E)` available. `cluster`: its name, or its options. */
  static forFeature(
    entities: EntityClassOrSchema[] = [],
    cluster: string | { readonly name?: string } = DEFAULT_CLUSTER,
  ): DynamicModule {
    const name = typeof cluster === 'string' ? cluster : (cluster.name ?? DEFAULT_CLUSTER);
    const typeOrm = TypeOrmModule.forFeature(entities, name);
    const providers = entities.map((entity) => ({
      provide: getReplicatedRepositoryToken(entity, name),
      useFactory: (dataSource: DataSource) => createReplicatedRepository(dataSource, entity),
      inject: [getDataSourceToken(name)],
    }));
    return { module: ReplicatedModule, imports: [typeOrm], providers, exports: [typeOrm, ...providers] };
  }
}

function nameOf({ name }: { name?: string | undefined }): { name?: string } {
  return name === undefined ? {} : { name };
}

/** Leaves what is no object as it is: the check of the options says so. */
function withName(options: unknown, name: string | undefined): unknown {
  return isRecord(options) ? { ...membersOf(options), ...nameOf({ name }) } : options;
}

/** @nestjs/typeorm does the rest: tokens, retries, entities of forFeature, shutdown. */
function typeOrmOptions(options: ReplicatedModuleAsyncOptions): TypeOrmModuleAsyncOptions {
  const {
    imports = [],
    useFactory,
    useClass,
    useExisting,
    inject = [],
    dataSourceFactory,
    extraProviders = [],
  } = options;
  const factoryClass = useExisting ?? useClass;
  const make = useFactory as ((...args: unknown[]) => unknown) | undefined;
  return {
    ...nameOf(options),
    imports: [ReplicatedCoreModule, ...imports],
    inject: [ClusterRegistry, ...(factoryClass ? [factoryClass] : inject)],
    extraProviders: [...(useClass ? [useClass] : []), ...extraProviders],
    async useFactory(_checked: ClusterRegistry, ...args: unknown[]) {
      const made = factoryClass
        ? await optionsFrom(args[0] as AnyFactory, options.name)
        : await make?.(...args);
      checkName(made as { name?: unknown }, options.name);
      const complete = withName(made, options.name) as TypeOrmModuleOptions;
      resolveOptions(complete, drivers); // Wrong options must not be retried as a connection is.
      return { ...complete, toRetry: (error: unknown) => mayRetry(error, complete.toRetry) };
    },
    async dataSourceFactory(given?: DataSourceOptions): Promise<DataSource> {
      const options = given as ReplicatedModuleOptions;
      return dataSourceFactory ? askDataSourceFactory(dataSourceFactory, options) : createDataSource(options);
    },
  };
}

/** Providers have their names before a factory is asked: another one in its options would be that of a second cluster. */
function checkName(made: { readonly name?: unknown } | undefined, name = DEFAULT_CLUSTER): void {
  const other = made?.name;
  if (other === undefined || other === name) return;
  const message = `the factory says ${JSON.stringify(other)}, but the cluster is registered as "${name}". Give the name to forRootAsync itself, forRootAsync({ name, useFactory: ... }), and leave it out of what the factory returns.`;
  throw new InvalidOptionsError([{ path: 'name', message }]);
}

function mayRetry(error: unknown, mayBe: TypeOrmModuleOptions['toRetry']): boolean {
  return !(error instanceof InvalidOptionsError) && (mayBe?.(error) ?? true);
}

interface AnyFactory extends Partial<ReplicatedOptionsFactory> {
  createTypeOrmOptions?(name?: string): unknown;
}

function optionsFrom(factory: AnyFactory, name: string | undefined): unknown {
  return factory.createReplicatedOptions?.(name) ?? factory.createTypeOrmOptions?.(name);
}

type DataSourceFactory = NonNullable<ReplicatedModuleAsyncOptions['dataSourceFactory']>;

/**
 * Has a user's `dataSourceFactory` make the DataSource.
 *
 * @throws {@link InvalidOptionsError} if it makes one by itself: of our options before that one connects, of others
 * afterwards.
 */
async function askDataSourceFactory(
  factory: DataSourceFactory,
  options: ReplicatedModuleOptions,
): Promise<DataSource> {
  const made = await factory(refuseConnecting(options), createDataSource);
  if (made instanceof RoutedDataSource) return made;
  // The factory may also have made it of an address that it knows. A failure to close it must not hide the refusal.
  if (made?.isInitialized) await Promise.allSettled([made.destroy()]);
  throw ownDataSourceError();
}
