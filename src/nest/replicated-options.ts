import type { ModuleMetadata, Provider, Type } from '@nestjs/common';
import type { TypeOrmModuleOptions, TypeOrmOptionsFactory } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { ConnectionOptions, ReplicaOptions } from '../options/cluster-options.js';
import type { NodeSettings, ReplicationSections } from '../options/options.js';

export type { ConnectionOptions, ReplicaOptions };

/** The primary: TypeORM's connection options (`url`, `host`, `poolSize`, `extra`, ...), and a name. */
export type PrimaryOptions = NodeSettings & ConnectionOptions;

/** Where the servers are: ours, or TypeORM's `replication` in its place. */
export interface NodesOptions {
  readonly primary?: PrimaryOptions;
  /** May be empty: then everything behaves and costs as with TypeOrmModule. */
  readonly replicas?: readonly ReplicaOptions[];
  /** In place of `primary` and `replicas`. */
  readonly replication?: {
    readonly master: object;
    readonly slaves: readonly object[];
  };
}

// TypeORM's options are a union of drivers; `replication` is ours to read, so it leaves each member.
type WithoutReplication<T> = T extends unknown ? Omit<T, 'replication'> : never;

/** Options of `ReplicatedModule.forRoot`: TypeOrmModule's own, the nodes, and our sections. */
export type ReplicatedModuleOptions = WithoutReplication<TypeOrmModuleOptions> &
  NodesOptions &
  ReplicationSections;

/**
 * A class that makes the options; `name` is the cluster's. Beside a TypeOrmModule that shares it, as in a program that
 * seeds, it has `createTypeOrmOptions` as well:
 *
 * ```ts
 * class DatabaseOptions implements ReplicatedOptionsFactory, TypeOrmOptionsFactory {
 *   createReplicatedOptions(): ReplicatedModuleOptions { return { type: 'postgres', primary, replicas }; }
 *   createTypeOrmOptions() { return toDataSourceOptions(this.createReplicatedOptions()); } // the primary alone
 * }
 * ```
 */
export interface ReplicatedOptionsFactory {
  createReplicatedOptions(name?: string): Promise<ReplicatedModuleOptions> | ReplicatedModuleOptions;
}

/** The same under the name that @nestjs/typeorm calls it by. */
interface TypeOrmNamedOptionsFactory {
  createTypeOrmOptions: ReplicatedOptionsFactory['createReplicatedOptions'];
}

type OptionsFactory = Type<ReplicatedOptionsFactory | TypeOrmNamedOptionsFactory | TypeOrmOptionsFactory>;

/** Makes the routed DataSource; called by `dataSourceFactory`. */
export type CreateDataSource = (options: ReplicatedModuleOptions) => DataSource;

/** Options of `ReplicatedModule.forRootAsync`: one of `useFactory`, `useClass`, `useExisting`. */
export interface ReplicatedModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** Name of the cluster. @default 'default' */
  readonly name?: string;
  readonly useFactory?: (...args: never[]) => Promise<ReplicatedModuleOptions> | ReplicatedModuleOptions;
  readonly useClass?: OptionsFactory;
  readonly useExisting?: OptionsFactory;
  readonly inject?: NonNullable<Extract<Provider, { useFactory: unknown }>['inject']>;
  /**
   * May change the DataSource that `create` makes of the options, or of a copy of them, and must return that one. The
   * options have been checked; a DataSource that TypeORM makes of them fails before it connects.
   *
   * ```ts
   * dataSourceFactory: (options, create) => create({ ...options, logging: true })
   * ```
   */
  dataSourceFactory?(
    options: ReplicatedModuleOptions,
    create: CreateDataSource,
  ): DataSource | Promise<DataSource>;
  readonly extraProviders?: readonly Provider[];
}
