import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Post, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  QueryBus,
  QueryHandler,
} from '@nestjs/cqrs';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import { ChangesDatabase, ConnectionSelector, ReplicatedModule, UseSlave } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { Note } from '../support/note.js';
import { optionsFor, openApp, SILENT, startSeededCluster, type Site } from '../support/open-app.js';
import { Reader, type Sight } from './reader.js';

/** What background work has seen, by its name. */
@Injectable()
class Diary {
  readonly pages = new Map<string, string>();

  async note(name: string, sight: Promise<Sight>): Promise<void> {
    const server = await sight.then(
      ({ server }) => server,
      (error: Error) => error.name,
    );
    this.pages.set(name, server);
  }
}

@Injectable()
class Clockwork implements OnModuleInit {
  constructor(
    private readonly diary: Diary,
    private readonly reader: Reader,
  ) {}

  async onModuleInit() {
    await this.diary.note('onModuleInit', this.reader.look());
    await this.warmUp();
  }

  @UseSlave()
  private warmUp() {
    return this.diary.note('@UseSlave() called by onModuleInit', this.reader.look());
  }

  @Cron('* * * * * *')
  everySecond() {
    return this.diary.note('cron', this.reader.look());
  }

  @Cron('* * * * * *')
  @UseSlave()
  report() {
    return this.diary.note('cron @UseSlave()', this.reader.look());
  }

  @UseSlave()
  @Cron('* * * * * *')
  reportToo() {
    return this.diary.note('@UseSlave() cron', this.reader.look());
  }

  @Interval(50)
  @UseSlave()
  async writesByMistake() {
    const writing = this.reader.write('refused').then(() => this.reader.look());
    await this.diary.note('interval @UseSlave() that writes', writing);
  }

  @Timeout(1)
  once() {
    return this.diary.note('timeout', this.reader.look());
  }
}

@Injectable()
class Listener {
  constructor(
    private readonly diary: Diary,
    private readonly reader: Reader,
  ) {}

  @OnEvent('asked')
  plain() {
    return this.diary.note('event', this.reader.look());
  }

  @OnEvent('asked')
  @UseSlave()
  report() {
    return this.diary.note('event @UseSlave()', this.reader.look());
  }

  @OnEvent('asked')
  @ChangesDatabase()
  count() {
    return this.diary.note('event @ChangesDatabase()', this.reader.look());
  }

  @OnEvent('write')
  write() {
    return this.reader.write('by event');
  }
}

class AddNote {}
class CountNotes {}
class NoteAdded {}

@CommandHandler(AddNote)
class AddNoteHandler {
  constructor(
    private readonly reader: Reader,
    private readonly events: EventBus,
  ) {}

  async execute() {
    await this.reader.write('by command');
    this.events.publish(new NoteAdded());
    return this.reader.look();
  }
}

@QueryHandler(CountNotes)
class CountNotesHandler {
  constructor(private readonly reader: Reader) {}

  @UseSlave()
  execute() {
    return this.reader.look();
  }
}

@EventsHandler(NoteAdded)
class NoteAddedHandler {
  constructor(
    private readonly diary: Diary,
    private readonly reader: Reader,
  ) {}

  handle() {
    return this.diary.note('cqrs event', this.reader.look());
  }
}

@Controller()
class WorkController {
  constructor(
    private readonly emitter: EventEmitter2,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly reader: Reader,
  ) {}

  @Get('look')
  look() {
    return this.reader.look();
  }

  @Get('emit')
  async emit() {
    await this.emitter.emitAsync('asked');
  }

  @Post('write')
  async write() {
    await this.emitter.emitAsync('write');
  }

  @Post('command')
  command() {
    return this.commands.execute<AddNote, Sight>(new AddNote());
  }

  @Post('query')
  query() {
    return this.queries.execute<CountNotes, Sight>(new CountNotes());
  }

  @Get('query')
  queryByGet() {
    return this.queries.execute<CountNotes, Sight>(new CountNotes());
  }
}

describe('background work', () => {
  let cluster: PostgresCluster;
  let site: Site;
  let diary: Diary;

  beforeAll(async () => {
    cluster = await startSeededCluster();
    site = await openApp({
      imports: [
        ReplicatedModule.forRoot(optionsFor(cluster)),
        ReplicatedModule.forFeature([Note]),
        ScheduleModule.forRoot(),
        EventEmitterModule.forRoot(),
        CqrsModule.forRoot(),
      ],
      providers: [Diary, Reader, Clockwork, Listener, AddNoteHandler, CountNotesHandler, NoteAddedHandler],
      controllers: [WorkController],
    });
    diary = site.app.get(Diary);
  });
  afterAll(async () => {
    await site?.app.close();
    await cluster?.stop();
  });
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await cluster.waitForReplication();
  });

  const post = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${site.url}${path}`, { method: 'POST', headers });

  it.each([
    ['onModuleInit', 'primary'],
    ['@UseSlave() called by onModuleInit', 'replica'],
    ['cron', 'primary'],
    ['cron @UseSlave()', 'replica'],
    ['@UseSlave() cron', 'replica'],
    ['timeout', 'primary'],
    ['interval @UseSlave() that writes', 'ReplicaWriteError'],
  ])('%s: %s', async (name, server) => {
    await waitUntil(() => diary.pages.has(name), { message: name });
    expect(diary.pages.get(name)).toBe(server);
  });

  it('an event from no unit of work uses the primary, decorated listeners their decorators', async () => {
    await site.app.get(EventEmitter2).emitAsync('asked');
    expect(Object.fromEntries(diary.pages)).toMatchObject({
      event: 'primary',
      'event @UseSlave()': 'replica',
      'event @ChangesDatabase()': 'primary',
    });
  });

  it('an event that a request emits keeps the route of the request, decorated listeners their decorators', async () => {
    await fetch(`${site.url}/emit`);
    expect(Object.fromEntries(diary.pages)).toMatchObject({
      event: 'replica',
      'event @UseSlave()': 'replica',
      'event @ChangesDatabase()': 'primary',
    });
  });

  it('what a listener writes before the response counts for the client of the request', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const [cookie = ''] = (await post('/write')).headers.getSetCookie();
    const own = await fetch(`${site.url}/look`, { headers: { cookie: cookie.split(';')[0] ?? '' } });
    expect(await own.json()).toMatchObject({ server: 'primary' });
  });

  it('a command writes on the primary, its event follows it, and its client sees the write', async () => {
    await cluster.replicas[0]?.pauseReplay();
    const response = await post('/command');
    expect(await response.json()).toMatchObject({ server: 'primary' });
    expect(response.headers.getSetCookie()).toHaveLength(1);
    await waitUntil(() => diary.pages.has('cqrs event'));
    expect(diary.pages.get('cqrs event')).toBe('primary');
  });

  it('@UseSlave() on a query handler holds in any request', async () => {
    expect(await (await post('/query')).json()).toMatchObject({ server: 'replica' });
    expect(await (await fetch(`${site.url}/query`)).json()).toMatchObject({ server: 'replica' });
  });

  it('a script uses the primary, its run blocks what they say, and a token shows its cause', async () => {
    const module = {
      module: class ScriptModule {},
      imports: [ReplicatedModule.forRoot(optionsFor(cluster)), ReplicatedModule.forFeature([Note])],
      providers: [Reader],
    };
    const script = await NestFactory.createApplicationContext(module, { logger: SILENT });
    const [reader, selector] = [script.get(Reader), script.get(ConnectionSelector)];
    try {
      expect((await reader.look()).server).toBe('primary');
      await cluster.replicas[0]?.pauseReplay();
      const token = await selector.run({ intent: 'primary' }, async () => {
        await reader.write('by script');
        return selector.token();
      });
      const { notes } = await reader.look();
      const report = (token?: string) => selector.run({ intent: 'replica', token }, () => reader.look());
      expect(await report()).toEqual({ server: 'replica', notes: notes - 1 });
      expect(await report(token)).toEqual({ server: 'primary', notes });
    } finally {
      await script.close();
    }
  });
});
