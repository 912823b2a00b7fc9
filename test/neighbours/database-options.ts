import { TYPE } from '../support/database.js';
import type { ReplicatedModuleOptions } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';

/** Where the servers of a cluster are, in a form that can be handed to another process. */
export interface Nodes {
  readonly primary: { readonly url: string };
  readonly replicas: readonly { readonly url: string }[];
}

export function nodesOf({ primary, replicas }: PostgresCluster): Nodes {
  return { primary: { url: primary.url }, replicas: replicas.map(({ url }) => ({ url })) };
}

/** What every application of these tests says about its database. */
export function databaseOptions(nodes: Nodes, entities: NonNullable<ReplicatedModuleOptions['entities']>) {
  return {
    type: TYPE,
    entities,
    synchronize: true,
    retryAttempts: 0,
    routing: { explainHeader: true },
    ...nodes,
  } as const satisfies Partial<ReplicatedModuleOptions>;
}
