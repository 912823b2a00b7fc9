import { Global, Inject, Module, type NestModule, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { checkGroups } from './check-groups.js';
import { ClusterRegistry } from './cluster-registry.js';
import { endUnitsWithHandlers } from './end-with-handler.js';
import { RouteGuard } from './route.guard.js';
import { unitOfWorkMiddleware } from '../http/unit-of-work.middleware.js';

/**
 * What an application needs once, however many clusters it has: the middleware and the guard. Static, so that Nest
 * makes it once, and global, so that its middleware comes before those of other modules.
 */
@Global()
@Module({ providers: [ClusterRegistry], exports: [ClusterRegistry] })
export class ReplicatedCoreModule implements NestModule, OnModuleInit {
  constructor(
    @Inject(ClusterRegistry) private readonly registry: ClusterRegistry,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** Of applications of every kind: those without HTTP call no `configure()`. */
  onModuleInit(): void {
    const { clusters, groups, modules } = this.registry;
    if (clusters.some(({ topology }) => topology.terms.mayDiscover)) return;
    if (clusters.some(({ topology }) => topology.replicas.length > 0)) checkGroups(modules, groups);
  }

  // All providers exist by now, and no route does. Not through Nest's consumer of middleware: it would match the path of
  // every request, and mount behind the middleware of other global modules.
  configure(): void {
    if (this.registry.clusters.length === 0) return;
    this.host.httpAdapter.use(unitOfWorkMiddleware);
    endUnitsWithHandlers(this.registry.modules);
    const guards = this.config.getGlobalGuards();
    if (!guards.some((guard) => guard instanceof RouteGuard)) guards.unshift(new RouteGuard());
  }
}
