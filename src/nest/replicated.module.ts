import { Module, type DynamicModule } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule, type TypeOrmModuleAsyncOptions } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import { resolveOptions } from '../options/resolve-options.js';
import { createReplicatedRepository } from '../typeorm/create-replicated-repository.js';
import { ClusterModule } from './cluster.module.js';
import { ClusterRegistry, REGISTERED_NAME } from './cluster-registry.js';
import { createDataSource } from './create-data-source.js';
import type { EntityClassOrSchema } from './entity-class-or-schema.js';
import { ReplicatedCoreModule } from './replicated-core.module.js';
import type {
  ReplicatedModuleAsyncOptions,
  ReplicatedModuleOptions,
  ReplicatedOptionsFactory,
} from './replicated-options.js';
import { DEFAULT_CLUSTER } from '../options/default-cluster.js';
import { getReplicatedRepositoryToken } from './tokens.js';

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
   * Registers one cluster. Several in one application are told apart by `name`.
   *
   * @throws {@link InvalidOptionsError} at start-up, with all problems of the options at once.
   */
  static forRoot(options: ReplicatedModuleOptions): DynamicModule {
    return this.forRootAsync({ ...nameOf(options), useFactory: () => options });
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

  /** Makes `@InjectRepository(E)` and `@InjectReplicatedRepository(E)` available. `name`: of the cluster. */
  static forFeature(entities: EntityClassOrSchema[] = [], name = DEFAULT_CLUSTER): DynamicModule {
    const typeOrm = TypeOrmModule.forFeature(entities, name);
    const providers = entities.map((entity) => ({
      provide: getReplicatedRepositoryToken(entity, name),
      useFactory: (dataSource: DataSource) => createReplicatedRepository(dataSource, entity),
      inject: [getDataSourceToken(name)],
    }));
    return { module: ReplicatedModule, imports: [typeOrm], providers, exports: [typeOrm, ...providers] };
  }
}

function nameOf({ name }: { name?: string }): { name?: string } {
  return name === undefined ? {} : { name };
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
      const complete = { ...(made as object), ...nameOf(options) };
      resolveOptions(complete); // Wrong options must not be retried as a connection is.
      return complete;
    },
    async dataSourceFactory(given?: DataSourceOptions): Promise<DataSource> {
      const options = given as DataSourceOptions;
      return dataSourceFactory ? dataSourceFactory(options, createDataSource) : createDataSource(options);
    },
  };
}

/** Providers have their names before a factory is asked: another one in its options would be that of a second cluster. */
function checkName(made: { readonly name?: unknown } | undefined, name = DEFAULT_CLUSTER): void {
  const other = made?.name;
  if (other === undefined || other === name) return;
  const message = `the factory says ${JSON.stringify(other)}, but the cluster is registered as "${name}". Give the name to forRootAsync itself: forRootAsync({ name, useFactory: ... }).`;
  throw new InvalidOptionsError([{ path: 'name', message }]);
}

interface AnyFactory extends Partial<ReplicatedOptionsFactory> {
  createTypeOrmOptions?(name?: string): unknown;
}

function optionsFrom(factory: AnyFactory, name: string | undefined): unknown {
  return factory.createReplicatedOptions?.(name) ?? factory.createTypeOrmOptions?.(name);
}
