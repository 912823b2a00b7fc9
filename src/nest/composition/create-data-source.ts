import { Logger } from '@nestjs/common';
import { drivers } from '../../engines/create-engine.js';
import type { ResolveReplica } from '../../cluster/membership/membership.js';
import { describeNode } from '../../options/driver/node-address.js';
import { allowConnecting } from '../../options/driver/refuse-connecting.js';
import { resolveAddedReplica, resolveOptions } from '../../options/resolve-options.js';
import type { SharedLoops } from '../../health/shared-loops.js';
import { composeCluster, type ComposedCluster } from './compose-cluster.js';
import { RoutedDataSource } from '../../typeorm/routed-data-source.js';
import { DEFAULT_CLUSTER, type ResolvedNode } from '../../options/resolved-options.js';
import { TokenSender, type TokenSenderDeps } from '../../http/token-sender.js';
import { explainRoutes } from '../../http/explain-header.js';
import { createCarriers } from '../../http/create-carriers.js';
import type { ReplicatedModuleOptions } from '../replicated-options.js';

/** Makes the routed DataSource of a cluster from what the user wrote. It is not initialised yet. */
export function createDataSource(
  given: ReplicatedModuleOptions,
  sharedLoops?: SharedLoops,
): RoutedDataSource<ComposedCluster> {
  const options = allowConnecting(given);
  const resolved = resolveOptions(options, drivers);
  const logger = new Logger(
    resolved.name === DEFAULT_CLUSTER ? 'ReplicatedModule' : `ReplicatedModule:${resolved.name}`,
  );
  const resolveReplica: ResolveReplica = (added) => resolveAddedReplica({ options, ...added }, drivers);
  const { defaultPort } = drivers.rulesOf(resolved.type);
  const addressOf = ({ driver }: ResolvedNode): string => describeNode(driver, defaultPort);
  const createSink = (deps: TokenSenderDeps): TokenSender => new TokenSender(deps);
  const dataSource = new RoutedDataSource(resolved, (made) =>
    composeCluster(made, resolved, {
      logger,
      createCarriers,
      createSink,
      resolveReplica,
      addressOf,
      sharedLoops,
    }),
  );
  if (resolved.routing.explainHeader) dataSource.composed.cluster.onRoute(explainRoutes(resolved.name));
  return dataSource;
}
