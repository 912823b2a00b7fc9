import { Body, Controller, Get, Header, Post, Redirect } from '@nestjs/common';
import { ClusterStatusService, type ClusterStatus } from './cluster-status.js';
import {
  faultSchema,
  replaySchema,
  routingSchema,
  type FaultOrder,
  type ReplayOrder,
  type RoutingOrder,
} from './cluster.schemas.js';
import { figuresPanel } from './figures-panel.js';
import { FaultsService } from './faults.service.js';
import { RoutingSwitch } from './routing-switch.js';

@Controller('cluster')
export class ClusterController {
  constructor(
    private readonly status: ClusterStatusService,
    private readonly faults: FaultsService,
    private readonly routing: RoutingSwitch,
  ) {}

  @Get()
  read(): ClusterStatus {
    return this.status.read();
  }

  /** As they stand in the side panel. */
  @Get('figures')
  @Header('Content-Type', 'text/html; charset=utf-8')
  readFigures(): string {
    return figuresPanel(this.status.read().figures).toString();
  }

  @Post('faults')
  @Redirect('/', 303)
  async applyToOne(@Body({ schema: faultSchema }) { node, fault }: FaultOrder): Promise<void> {
    await this.faults.apply(node, fault);
  }

  @Post('replay')
  @Redirect('/', 303)
  async applyToReplicas(@Body({ schema: replaySchema }) { fault }: ReplayOrder): Promise<void> {
    await this.faults.applyToReplicas(fault);
  }

  /** All instances of an application would ask for it: here is only one. */
  @Post('routing')
  @Redirect('/', 303)
  switchRouting(@Body({ schema: routingSchema }) order: RoutingOrder): void {
    this.routing.settings = { ...this.routing.settings, ...order };
  }
}
