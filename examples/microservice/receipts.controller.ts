import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import {
  InjectConnectionSelector,
  InjectReplicatedRepository,
  UseSlave,
  type ConnectionSelector,
  type ReplicatedRepository,
} from 'nestjs-replicated';
import { Order, type OrderPlaced } from './order.entity.js';

@Controller()
export class ReceiptsController {
  constructor(
    @InjectReplicatedRepository(Order) private readonly orders: ReplicatedRepository<Order>,
    @InjectConnectionSelector() private readonly selector: ConnectionSelector,
  ) {}

  @MessagePattern('receipt')
  @UseSlave({ token: (message: OrderPlaced) => message.token })
  async write(@Payload() { id }: OrderPlaced): Promise<string> {
    const { item } = await this.orders.findOneByOrFail({ id });
    return `one ${item}, read from ${this.selector.route?.node}`;
  }
}
