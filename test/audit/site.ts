import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import {
  All,
  Controller,
  Delete,
  Get,
  Injectable,
  Module,
  Post,
  UseInterceptors,
  Version,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { OnEvent } from '@nestjs/event-emitter';
import {
  Field,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { Cron, Interval, Timeout } from '@nestjs/schedule';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedInterceptor,
  ReplicatedRepository,
  UseReplica,
  UseSlave,
} from 'nestjs-replicated';
import { ReplicatedGraphqlModule } from 'nestjs-replicated/graphql';
import { Note } from '../support/note.js';

@Controller('notes')
export class NotesController {
  constructor(
    @InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>,
    private readonly selector: ConnectionSelector,
  ) {}

  @Get() list() {
    return this.notes.find({ take: 3 });
  }
  @Get(['latest', 'newest']) latest() {
    return this.notes.find({ take: 1 });
  }
  @Get('visit') async visit() {
    await this.notes.insert({ text: 'visit' });
    return 'seen';
  }
  @Get('seen') async seen() {
    await this.selector.outside(() => this.notes.insert({ text: 'seen' }));
    return this.notes.countBy({ text: 'seen' });
  }
  @Get('count') @ChangesDatabase() async count() {
    await this.notes.insert({ text: 'count' });
    return this.notes.count();
  }
  @Get('lock') lock() {
    return this.notes.query('SELECT pg_advisory_lock(1), pg_advisory_unlock(1)');
  }
  @Post() create() {
    return this.notes.save({ text: 'created' });
  }
  @Post('search') search() {
    return this.notes.find({ take: 2 });
  }
  @Post('report') @UseReplica() report() {
    return this.notes.count();
  }
  @All('any') any() {
    return 'any';
  }
  @Delete(':id') @UseSlave() @ChangesDatabase() remove() {
    return 'both decorators';
  }
}

@Controller({ path: 'things', version: ['1', VERSION_NEUTRAL] })
@UseSlave()
export class ThingsController {
  @Get(':id') one() {
    return 'one';
  }
  @Post() @ChangesDatabase() create() {
    return 'created';
  }
  @Get('second') @Version('2') second() {
    return 'second';
  }
}

@ObjectType()
class Item {
  @Field(() => Int) id!: number;
}

@Resolver(() => Item)
export class ItemsResolver {
  constructor(@InjectReplicatedRepository(Note) private readonly notes: ReplicatedRepository<Note>) {}

  @Query(() => [Item]) async items() {
    return this.notes.find({ take: 2 });
  }
  @Query(() => Item, { name: 'one' }) async itemOfName() {
    return this.notes.findOneByOrFail({ id: 1 });
  }
  @Mutation(() => Item) async addItem() {
    return this.notes.save({ text: 'item' });
  }
  @Mutation(() => Item) @UseSlave() async wrongly() {
    return this.notes.findOneByOrFail({ id: 1 });
  }
  @Subscription(() => Item) async *itemAdded() {}
  @ResolveField(() => Int) async double() {
    return 2 * (await this.notes.count());
  }
  @ResolveField(() => Int) @ChangesDatabase() async exact() {
    return this.notes.count();
  }
}

@Controller()
export class StockController {
  @MessagePattern('stock') stock() {
    return 1;
  }
  @MessagePattern({ cmd: 'reserve' }) @ChangesDatabase() reserve() {
    return 1;
  }
  @EventPattern('sold') @UseSlave() sold(_what: unknown) {}
  @MessagePattern('price') @UseInterceptors(ReplicatedInterceptor) price() {
    return 1;
  }
}

@WebSocketGateway()
export class ChatGateway {
  @SubscribeMessage('hello') hello() {
    return 'hello';
  }
  @SubscribeMessage('history') @UseReplica() history() {
    return [];
  }
}

@Injectable()
export class ReportsService {
  @Cron('0 3 * * *') nightly() {}
  @Cron('0 4 * * *') @UseReplica() digest() {}
  @Interval(60_000) purge() {}
  @Timeout(5_000) warmUp() {}
  @OnEvent('note.created') noted(_note: unknown) {}
  @UseReplica() helper() {}
  plain() {}
}

@Processor('mails')
export class MailsProcessor extends WorkerHost {
  async process() {}
  @OnWorkerEvent('completed') completed() {}
}

@Processor('exports')
@UseSlave()
export class ExportsProcessor extends WorkerHost {
  async process() {}
}

@Processor('imports')
export class ImportsProcessor extends WorkerHost {
  @ChangesDatabase() async process() {}
}

@Injectable()
@UseSlave()
export class SearchService {
  search() {}
}

@Module({ controllers: [ThingsController] })
class ThingsModule {}

/** Handlers of every kind, right and wrong. */
export const HANDLERS = {
  imports: [
    ThingsModule,
    RouterModule.register([{ path: 'inner', module: ThingsModule }]),
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      path: '/api/graphql',
    }),
    ReplicatedGraphqlModule,
  ],
  controllers: [NotesController, StockController],
  providers: [
    ItemsResolver,
    ChatGateway,
    ReportsService,
    MailsProcessor,
    ExportsProcessor,
    ImportsProcessor,
    SearchService,
  ],
};
