import { Global, Inject, Module, type NestModule } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { ClusterRegistry } from './cluster-registry.js';
import { endUnitsWithHandlers } from './end-with-handler.js';
import { explainRoutes } from '../http/explain-header.js';
import { RouteGuard } from './route.guard.js';
import { unitOfWorkMiddleware, type UnitListener } from '../http/unit-of-work.middleware.js';

/**
 * What an application needs once, however many clusters it has: the middleware and the guard. Static, so that Nest
 * makes it once, and global, so that its middleware comes before those of other modules.
 */
@Global()
@Module({ providers: [ClusterRegistry], exports: [ClusterRegistry] })
export class ReplicatedCoreModule implements NestModule {
  constructor(
    @Inject(ClusterRegistry) private readonly registry: ClusterRegistry,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  // All providers exist by now, and no route does. Not through Nest's consumer of middleware: it would match the path of
  // every request, and mount behind the middleware of other global modules.
  configure(): void {
    const { clusters } = this.registry;
    if (clusters.length === 0) return;
    const explained = clusters.filter(({ routed }) => routed.options.routing.explainHeader);
    const listeners: UnitListener[] =
      explained.length > 0 ? [explainRoutes(explained.map(({ cluster }) => cluster.name))] : [];
    this.host.httpAdapter.use(unitOfWorkMiddleware(listeners));
    endUnitsWithHandlers(this.registry.modules);
    const guards = this.config.getGlobalGuards();
    if (!guards.some((guard) => guard instanceof RouteGuard)) guards.unshift(new RouteGuard());
  }
}
