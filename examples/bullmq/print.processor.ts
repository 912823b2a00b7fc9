import { Processor, WorkerHost } from '@nestjs/bullmq';
import type { Job } from 'bullmq';
import {
  InjectConnectionSelector,
  InjectReplicatedRepository,
  UseSlave,
  type ConnectionSelector,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import { Invoice, type PrintJob } from './invoice.entity.js';

@Processor('print')
export class PrintProcessor extends WorkerHost {
  constructor(
    @InjectReplicatedRepository(Invoice) private readonly invoices: ReplicatedRepository<Invoice>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {
    super();
  }

  @UseSlave({ token: (job: Job<PrintJob>) => job.data.token })
  async process({ data: { id } }: Job<PrintJob>): Promise<string> {
    const { text } = await this.invoices.findOneByOrFail({ id });
    return `${text}, read from ${this.selector.route?.node}`;
  }
}
