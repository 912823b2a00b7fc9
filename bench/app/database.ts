import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { ReplicatedModule, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { REPLICA } from './request-scoped.js';
import { timePinCarrier } from './time-pin-carrier.js';
import { typeOf, type Servers, type Variant } from './variant.js';

/** What the application hands TypeORM besides the servers. */
export interface DatabaseOptions extends Servers {
  readonly entities: TypeOrmModuleOptions['entities'];
  readonly monitor?: ReplicatedModuleOptions['monitor'];
  /** `consistency.maxWaitMs` */
  readonly maxWaitMs?: number;
}

/** The database modules of a variant. */
export function databaseModules(variant: Variant, options: DatabaseOptions): DynamicModule[] {
  return MODULES[variant](options);
}

const MODULES: Readonly<Record<Variant, (options: DatabaseOptions) => DynamicModule[]>> = {
  plain: ({ primaryUrl, entities }) => [typeOrm(primaryUrl, entities)],
  'typeorm-replication': ({ primaryUrl, replicaUrls, entities }) => [
    TypeOrmModule.forRoot({
      type: typeOf(primaryUrl),
      entities: entities ?? [],
      replication: { master: { url: primaryUrl }, slaves: replicaUrls.map((url) => ({ url })) },
    }),
  ],
  eventual: (options) => [replicated(options, { level: 'eventual' })],
  session: (options) => [replicated(options, { level: 'session' })],
  'time-pinning': (options) => [replicated(options, { level: 'primary', carriers: [timePinCarrier] })],
  'request-scoped': ({ primaryUrl, replicaUrls, entities }) => [
    typeOrm(primaryUrl, entities),
    typeOrm(replicaUrls[0] ?? primaryUrl, entities, REPLICA),
  ],
};

function typeOrm(url: string, entities: DatabaseOptions['entities'], name?: string): DynamicModule {
  return TypeOrmModule.forRoot({
    type: typeOf(url),
    entities: entities ?? [],
    url,
    ...(name === undefined ? {} : { name }),
  });
}

function replicated(
  { primaryUrl, replicaUrls, entities, monitor, maxWaitMs }: DatabaseOptions,
  consistency: NonNullable<ReplicatedModuleOptions['consistency']>,
): DynamicModule {
  return ReplicatedModule.forRoot({
    type: typeOf(primaryUrl),
    entities: entities ?? [],
    primary: { url: primaryUrl },
    replicas: replicaUrls.map((url) => ({ url })),
    consistency: { ...consistency, ...(maxWaitMs === undefined ? {} : { maxWaitMs }) },
    ...(monitor ? { monitor } : {}),
  });
}
