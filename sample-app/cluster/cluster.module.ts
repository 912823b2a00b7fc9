import { Module, type DynamicModule } from '@nestjs/common';
import { ClusterStatusService } from './cluster-status.js';
import { ClusterController } from './cluster.controller.js';
import { MetricsController } from './metrics.controller.js';
import type { Database } from './database.js';
import { DATABASE } from './database.token.js';
import { FaultsService } from './faults.service.js';
import { FiguresService } from './figures.js';
import { RoutingSwitch } from './routing-switch.js';
import { RequestLog } from './request-log.js';

@Module({})
export class ClusterModule {
  static of(database: Database, routing: RoutingSwitch): DynamicModule {
    return {
      module: ClusterModule,
      controllers: [ClusterController, MetricsController],
      providers: [
        { provide: DATABASE, useValue: database },
        { provide: RoutingSwitch, useValue: routing },
        FaultsService,
        FiguresService,
        RequestLog,
        ClusterStatusService,
      ],
      exports: [RequestLog, ClusterStatusService],
    };
  }
}
