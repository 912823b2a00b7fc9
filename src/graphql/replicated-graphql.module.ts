import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { UsageError } from '../errors.js';
import { ClusterRegistry } from '../nest/cluster-registry.js';
import { routeSchema } from './route-schema.js';

/**
 * Routes GraphQL by the type of the operation: a query reads a replica, a mutation and a subscription use the primary,
 * whatever the HTTP method. Import it once, beside `GraphQLModule`, whichever driver that has.
 *
 * ```ts
 * @Module({ imports: [ReplicatedModule.forRoot(options), GraphQLModule.forRoot({ driver: ApolloDriver }), ReplicatedGraphqlModule] })
 * class AppModule {}
 * ```
 */
@Module({})
export class ReplicatedGraphqlModule implements OnApplicationBootstrap {
  constructor(
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(ClusterRegistry) private readonly registry: ClusterRegistry,
  ) {}

  /** The schemas exist by now, and no request has come yet. */
  onApplicationBootstrap(): void {
    if (this.registry.clusters.length === 0) return;
    for (const host of this.schemaHosts()) routeSchema(host.schema);
  }

  private schemaHosts(): readonly GraphQLSchemaHost[] {
    try {
      return this.modules.get(GraphQLSchemaHost, { strict: false, each: true });
    } catch (cause) {
      throw new UsageError(NO_SCHEMA, { cause });
    }
  }
}

const NO_SCHEMA =
  'ReplicatedGraphqlModule finds no GraphQL schema in this application. Import GraphQLModule.forRoot() of @nestjs/graphql beside it.';
