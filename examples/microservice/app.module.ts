import { Module } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';
import { ReplicatedModule } from 'nestjs-replicated';
import { Order } from './order.entity.js';
import { OrdersController } from './orders.controller.js';
import { ReceiptsController } from './receipts.controller.js';
import { transport } from './transport.js';

@Module({
  imports: [
    ReplicatedModule.forRoot({
      type: 'postgres',
      entities: [Order],
      synchronize: true,
      primary: { url: process.env['PRIMARY_URL'] },
      replicas: [{ url: process.env['REPLICA_URL'] }],
      routing: { explainHeader: true },
    }),
    ReplicatedModule.forFeature([Order]),
    ClientsModule.register([{ name: 'RECEIPTS', ...transport }]),
  ],
  controllers: [OrdersController, ReceiptsController],
})
export class AppModule {}
