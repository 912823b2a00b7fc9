import { Injectable } from '@nestjs/common';
import { InjectReplicatedRepository, type ReplicatedRepository } from 'nestjs-replicated';
import { Counter } from './counter.entity.js';

const VISITS = { name: 'visits' };

@Injectable()
export class VisitsService {
  constructor(
    @InjectReplicatedRepository(Counter) private readonly counters: ReplicatedRepository<Counter>,
  ) {}

  async count(): Promise<number> {
    return (await this.counters.findOneByOrFail(VISITS)).value;
  }

  async add(): Promise<number> {
    await this.counters.increment(VISITS, 'value', 1);
    return this.count();
  }
}
