import { InjectQueue } from '@nestjs/bullmq';
import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import type { Queue } from 'bullmq';
import {
  InjectConnectionSelector,
  InjectReplicatedRepository,
  type ConnectionSelector,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import { Invoice, type PrintJob } from './invoice.entity.js';

@Controller('invoices')
export class InvoicesController {
  constructor(
    @InjectReplicatedRepository(Invoice) private readonly invoices: ReplicatedRepository<Invoice>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
    @InjectQueue('print') private readonly queue: Queue<PrintJob, string>,
  ) {}

  @Post()
  async create(@Body() { text }: Pick<Invoice, 'text'>): Promise<{ job: string | undefined }> {
    const { id } = await this.invoices.save({ text });
    const job = await this.queue.add('print', { id, token: await this.selector.token() });
    return { job: job.id };
  }

  @Get(':job')
  async printed(@Param('job') id: string): Promise<{ printed: string | null }> {
    const job = await this.queue.getJob(id);
    return { printed: job?.returnvalue ?? null };
  }
}
