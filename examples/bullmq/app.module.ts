import { BullModule } from '@nestjs/bullmq';
import { Module } from '@nestjs/common';
import { ReplicatedModule } from 'nestjs-replicated';
import { Invoice } from './invoice.entity.js';
import { InvoicesController } from './invoices.controller.js';
import { PrintProcessor } from './print.processor.js';

@Module({
  imports: [
    ReplicatedModule.forRoot({
      type: 'postgres',
      entities: [Invoice],
      synchronize: true,
      primary: { url: process.env['PRIMARY_URL'] },
      replicas: [{ url: process.env['REPLICA_URL'] }],
      routing: { explainHeader: true },
    }),
    ReplicatedModule.forFeature([Invoice]),
    BullModule.forRoot({ connection: { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' } }),
    BullModule.registerQueue({ name: 'print' }),
  ],
  controllers: [InvoicesController],
  providers: [PrintProcessor],
})
export class AppModule {}
