import type { DynamicModule } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { ReplicatedModule, type Carrier, type ReplicatedModuleOptions } from 'nestjs-replicated';
import { typeOf, type Servers, type Variant } from './variant.js';

/** What the application hands TypeORM besides the servers. */
export interface DatabaseOptions extends Servers {
  readonly entities: NonNullable<TypeOrmModuleOptions['entities']>;
  readonly monitor?: ReplicatedModuleOptions['monitor'];
  /** `consistency.maxWaitMs` */
  readonly maxWaitMs?: number;
}

/** The database module of a variant. */
export function databaseModule(variant: Variant, options: DatabaseOptions): DynamicModule {
  const { primaryUrl, replicaUrls, entities } = options;
  const type = typeOf(primaryUrl);
  switch (variant) {
    case 'plain':
      return TypeOrmModule.forRoot({ type, entities, url: primaryUrl });
    case 'typeorm-replication':
      return TypeOrmModule.forRoot({
        type,
        entities,
        replication: { master: { url: primaryUrl }, slaves: replicaUrls.map((url) => ({ url })) },
      });
    case 'eventual':
    case 'session':
      return replicated(options, { level: variant });
    case 'time-pinning':
      return replicated(options, { level: 'primary', carriers: [timePinCarrier] });
  }
}

function replicated(
  { primaryUrl, replicaUrls, entities, monitor, maxWaitMs }: DatabaseOptions,
  consistency: NonNullable<ReplicatedModuleOptions['consistency']>,
): DynamicModule {
  return ReplicatedModule.forRoot({
    type: typeOf(primaryUrl),
    entities,
    primary: { url: primaryUrl },
    replicas: replicaUrls.map((url) => ({ url })),
    consistency: { ...consistency, ...(maxWaitMs === undefined ? {} : { maxWaitMs }) },
    ...(monitor ? { monitor } : {}),
  });
}

/** A cookie that lives for five seconds, as with django_replicated and makara; with it, a client reads the primary. */
const timePinCarrier: Carrier = {
  name: 'time-pin',
  read({ request }) {
    const text = /(?:^|; )pinned=([\w.-]+)/.exec(String(request.headers['cookie'] ?? ''))?.[1];
    return text === undefined ? [] : [text];
  },
  send({ response }, { text }) {
    response.setHeader('Set-Cookie', [`pinned=${text}; Max-Age=5; Path=/; HttpOnly`]);
  },
};
