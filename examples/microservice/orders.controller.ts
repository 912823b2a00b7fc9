import { Body, Controller, Inject, Post } from '@nestjs/common';
import type { ClientProxy } from '@nestjs/microservices';
import {
  InjectConnectionSelector,
  InjectReplicatedRepository,
  type ConnectionSelector,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import type { Observable } from 'rxjs';
import { Order, type OrderPlaced } from './order.entity.js';

@Controller('orders')
export class OrdersController {
  constructor(
    @InjectReplicatedRepository(Order) private readonly orders: ReplicatedRepository<Order>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
    @Inject('RECEIPTS') private readonly receipts: ClientProxy,
  ) {}

  @Post()
  async place(@Body() { item }: Pick<Order, 'item'>): Promise<Observable<string>> {
    const { id } = await this.orders.save({ item });
    const message: OrderPlaced = { id, token: await this.selector.token() };
    return this.receipts.send('receipt', message);
  }
}
