import {
  BadRequestException,
  Module,
  StandardSchemaValidationPipe,
  type DynamicModule,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { ReplicatedModule } from 'nestjs-replicated';
import { ClusterModule } from './cluster/cluster.module.js';
import type { Database } from './cluster/database.js';
import { RoutingSwitch } from './cluster/routing-switch.js';
import { RequestLogInterceptor } from './cluster/request-log.interceptor.js';
import { databaseOptions } from './database-options.js';
import { ErrorPageFilter } from './pages/error-page.filter.js';
import { PageFrame } from './pages/page-frame.js';
import { PageInterceptor } from './pages/page.interceptor.js';
import { SameOriginGuard } from './pages/same-origin.guard.js';
import { PostsModule } from './posts/posts.module.js';
import { VisitorsModule } from './visitors/visitors.module.js';

const validation = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => new BadRequestException(issues.map(({ message }) => message)),
});

@Module({
  imports: [PostsModule, VisitorsModule],
  providers: [
    PageFrame,
    { provide: APP_GUARD, useClass: SameOriginGuard },
    { provide: APP_INTERCEPTOR, useClass: RequestLogInterceptor },
    { provide: APP_INTERCEPTOR, useClass: PageInterceptor },
    { provide: APP_PIPE, useValue: validation },
    { provide: APP_FILTER, useClass: ErrorPageFilter },
  ],
})
export class AppModule {
  static on(database: Database): DynamicModule {
    const routing = new RoutingSwitch();
    return {
      module: AppModule,
      imports: [
        ReplicatedModule.forRoot(databaseOptions(database, routing)),
        ClusterModule.of(database, routing),
      ],
    };
  }
}
