import { Controller, Get, Header } from '@nestjs/common';
import { InjectCluster, type ReplicationCluster } from 'nestjs-replicated';
import { Registry } from 'prom-client';
import { exposeReplication } from './expose-replication.js';

/** For Prometheus. */
@Controller('metrics')
export class MetricsController {
  readonly #registry = new Registry();

  constructor(@InjectCluster() cluster: ReplicationCluster) {
    exposeReplication(cluster, this.#registry);
  }

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  read(): Promise<string> {
    return this.#registry.metrics();
  }
}
