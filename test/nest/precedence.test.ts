import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { All, Controller, Get, Module, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  ChangesDatabase,
  ConnectionSelector,
  InjectConnectionSelector,
  InjectReplicatedRepository,
  ReplicatedModule,
  ReplicatedRepository,
  UseReplica,
  UseSlave,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { Repository } from 'typeorm';
import { Note, serverOf } from '../support/note.js';
import { PLATFORMS, optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

type Server = 'primary' | 'replica';

class Notes {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    @InjectReplicatedRepository(Note) readonly views: ReplicatedRepository<Note>,
    @InjectConnectionSelector() readonly selector: ConnectionSelector,
  ) {}

  read(): Promise<Server> {
    return serverOf(this.notes);
  }

  write(): Promise<Note> {
    return this.notes.save({ text: 'written' });
  }
}

@Controller('plain')
class PlainController extends Notes {
  @Get() get() {
    return this.read();
  }
  @Post() post() {
    return this.read();
  }
  @All('all') all() {
    return this.read();
  }
  @Get('changes') @ChangesDatabase() changes() {
    return this.read();
  }
  @Post('slave') @UseSlave() slave() {
    return this.read();
  }
  @Post('alias') @UseReplica() alias() {
    return this.read();
  }
  @Get('both') @ChangesDatabase() @UseSlave() both() {
    return this.read();
  }
  @Get('both-other-way') @UseSlave() @ChangesDatabase() bothOtherWay() {
    return this.read();
  }
  @Post('written') async written() {
    await this.write();
    return this.read();
  }
  @Post('slave-written') @UseSlave() async slaveWritten() {
    await this.selector.usePrimary(() => this.write());
    return this.read();
  }
  @Post('view-after-write') async viewAfterWrite() {
    await this.write();
    return serverOf(this.views.replica);
  }
  @Get('primary-view') primaryView() {
    return serverOf(this.views.primary);
  }
  @Get('primary-block') primaryBlock() {
    return this.selector.usePrimary(() => this.read());
  }
  @Get('changes-in-replica-block') @ChangesDatabase() replicaBlock() {
    return this.selector.useReplica(() => this.read());
  }
  @Post('view-in-transaction') viewInTransaction() {
    return this.notes.manager.transaction((manager) => serverOf(manager.withRepository(this.views).replica));
  }
  @Post('transaction-in-replica-block') transactionInBlock() {
    return this.notes.manager.transaction((manager) =>
      this.selector.useReplica(() => serverOf(manager.getRepository(Note))),
    );
  }
  @Get('rule') rule() {
    return this.read();
  }
  @Get('decorated-rule') @UseSlave() decoratedRule() {
    return this.read();
  }
}

@Controller('changing')
@ChangesDatabase()
class ChangingController extends Notes {
  @Get() get() {
    return this.read();
  }
  @Get('slave') @UseSlave() slave() {
    return this.read();
  }
  @Get('rule') rule() {
    return this.read();
  }
}

@Controller('reading')
@UseSlave()
class ReadingController extends Notes {
  @Post() post() {
    return this.read();
  }
  @Get('changes') @ChangesDatabase() changes() {
    return this.read();
  }
}

@Controller('both')
@UseSlave()
@ChangesDatabase()
class BothController extends Notes {
  @Get() get() {
    return this.read();
  }
}

@Controller('inherited')
class InheritedController extends ChangingController {}

@Controller('inherited-reading')
@UseSlave()
class OverridingController extends PlainController {}

@Module({
  controllers: [
    PlainController,
    ChangingController,
    ReadingController,
    BothController,
    InheritedController,
    OverridingController,
  ],
})
class NotesModule {}

const ROWS: readonly [
  rule: string,
  method: 'get' | 'post' | 'put' | 'head',
  path: string,
  Server,
  reason: string,
][] = [
  ['1: a query stays in its transaction', 'post', '/plain/view-in-transaction', 'primary', 'write-method'],
  ['1: in a block, too', 'post', '/plain/transaction-in-replica-block', 'primary', 'write-method'],
  ['2: a view beats the method', 'get', '/plain/primary-view', 'primary', 'explicit'],
  ['2: a block beats the method', 'get', '/plain/primary-block', 'primary', 'explicit'],
  ['2: a block beats the decorator', 'get', '/plain/changes-in-replica-block', 'replica', 'explicit'],
  ['3: a unit that has written reads the primary', 'post', '/plain/written', 'primary', 'wrote-earlier'],
  ['3: against its decorator', 'post', '/plain/slave-written', 'primary', 'wrote-earlier'],
  ['4: @ChangesDatabase() beats the method', 'get', '/plain/changes', 'primary', 'changes-database'],
  ['4: @UseSlave() beats the method', 'post', '/plain/slave', 'replica', 'use-slave'],
  ['4: so does its other name', 'post', '/plain/alias', 'replica', 'use-slave'],
  ['4: with both, @ChangesDatabase() wins', 'get', '/plain/both', 'primary', 'changes-database'],
  ['4: in any order', 'get', '/plain/both-other-way', 'primary', 'changes-database'],
  ['4: the handler beats its class', 'get', '/changing/slave', 'replica', 'use-slave'],
  ['4: the other way round', 'get', '/reading/changes', 'primary', 'changes-database'],
  ['5: the class beats the method', 'get', '/changing', 'primary', 'changes-database'],
  ['5: the other way round', 'post', '/reading', 'replica', 'use-slave'],
  ['5: with both, @ChangesDatabase() wins', 'get', '/both', 'primary', 'changes-database'],
  ['5: a subclass inherits', 'get', '/inherited', 'primary', 'changes-database'],
  ['5: a class decorates inherited handlers', 'post', '/inherited-reading', 'replica', 'use-slave'],
  [
    '5: but not those with an own decorator',
    'get',
    '/inherited-reading/changes',
    'primary',
    'changes-database',
  ],
  ['5: the class beats a rule', 'get', '/changing/rule', 'primary', 'changes-database'],
  ['6: a rule beats the method', 'get', '/plain/rule', 'primary', 'rule'],
  ['6: a decorator beats a rule', 'get', '/plain/decorated-rule', 'replica', 'use-slave'],
  ['7: GET reads a replica', 'get', '/plain', 'replica', 'read-method'],
  ['7: POST uses the primary', 'post', '/plain', 'primary', 'write-method'],
  ['7: @All() by the method of the request', 'get', '/plain/all', 'replica', 'read-method'],
  ['7: of the request', 'put', '/plain/all', 'primary', 'write-method'],
];

describe('precedence', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startSeededCluster();
  });
  afterAll(() => cluster.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    beforeAll(async () => {
      const rules = [
        { method: 'GET', path: '/plain/rule', use: 'primary' },
        { path: '/plain/decorated-rule', use: 'primary' },
        { path: '/changing/rule', use: 'replica' },
      ] as const;
      const feature = ReplicatedModule.forFeature([Note]);
      site = await openApp({
        createAdapter,
        imports: [
          ReplicatedModule.forRoot(optionsFor(cluster, { routing: { explainHeader: true, rules } })),
          { module: NotesModule, imports: [feature] },
        ],
      });
    });
    afterAll(() => site?.app.close());

    it.each(ROWS)('%s: %s %s', async (_rule, method, path, server, reason) => {
      const response = await request(site.url)[method](path);
      // The header tells all routes of the request: the last one is of the read.
      expect([response.text, response.get('Replication-Route')?.split(', ').at(-1)]).toEqual([
        server,
        `${server === 'primary' ? 'primary' : 'replica-1'}; reason=${reason}`,
      ]);
    });
  });
});
