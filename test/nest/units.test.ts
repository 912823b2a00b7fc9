import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, SetMetadata, type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InjectRepository } from '@nestjs/typeorm';
import {
  ChangesDatabase,
  ConnectionSelector,
  Consistency,
  ReplicatedModule,
  ReplicationCluster,
  UseSlave,
  getConnectionSelectorToken,
} from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import { EventEmitter } from 'node:events';
import { defer, firstValueFrom, type Observable } from 'rxjs';
import { DataSource, type Repository } from 'typeorm';
import { Note, serverOf } from '../support/note.js';
import { SILENT, optionsFor, startSeededCluster } from '../support/open-app.js';

type Server = 'primary' | 'replica';

/** A provider that no enhancer of Nest ever touches, as those of schedulers and event emitters. */
@Injectable()
class Jobs {
  constructor(@InjectRepository(Note) readonly notes: Repository<Note>) {}

  plain(): Promise<Server> {
    return serverOf(this.notes);
  }
  @UseSlave() report(): Promise<Server> {
    return serverOf(this.notes);
  }
  @ChangesDatabase() async count(text: string): Promise<Server> {
    await this.notes.save({ text });
    return serverOf(this.notes);
  }
  @UseSlave() writing(): Promise<Note> {
    return this.notes.save({ text: 'refused' });
  }
  @UseSlave() stream(): Observable<Server> {
    return defer(() => serverOf(this.notes));
  }
  @UseSlave() async promised(): Promise<Observable<Server>> {
    return this.stream();
  }
  @UseSlave() async *pages(): AsyncGenerator<Server> {
    yield await serverOf(this.notes);
    yield await serverOf(this.notes);
  }
  @UseSlave() *batches(): Generator<Promise<Server>> {
    yield serverOf(this.notes);
  }
  @ChangesDatabase() async *imports(): AsyncGenerator<Server> {
    await this.notes.save({ text: 'imported' });
    yield await serverOf(this.notes);
  }
  @UseSlave() async importing(): Promise<Server[]> {
    const before = await serverOf(this.notes);
    const { value } = await this.imports().next();
    return [before, value as Server];
  }
  @UseSlave() async calling(): Promise<Server[]> {
    return [await this.report(), await this.count('called'), await this.plain()];
  }
  @UseSlave() @SetMetadata('below', 1) named(_a: string, _b: string): void {}
}

@ChangesDatabase()
class Counters {
  constructor(protected readonly notes: Repository<Note>) {}
  @SetMetadata('event', 'daily') count(): Promise<Server> {
    return serverOf(this.notes);
  }
}

@UseSlave()
@Consistency('session')
class CountersReport extends Counters {}

@UseSlave()
class Reports {
  constructor(private readonly notes: Repository<Note>) {}
  @SetMetadata('event', 'monthly') handler(): Promise<Server> {
    return serverOf(this.notes);
  }
  helper(): Promise<Server> {
    return serverOf(this.notes);
  }
}

describe('units of work in code', () => {
  let cluster: PostgresCluster;
  let app: INestApplicationContext;
  let jobs: Jobs;
  let selector: ConnectionSelector;
  const read = (): Promise<Server> => serverOf(jobs.notes);

  beforeAll(async () => {
    cluster = await startSeededCluster(2);
    const module = await Test.createTestingModule({
      imports: [ReplicatedModule.forRoot(optionsFor(cluster)), ReplicatedModule.forFeature([Note])],
      providers: [Jobs],
    })
      .setLogger(SILENT)
      .compile();
    app = await module.init();
    jobs = app.get(Jobs);
    selector = app.get(ConnectionSelector);
  });
  afterAll(async () => {
    await app?.close();
    await cluster?.stop();
  });

  describe('decorators on methods of any provider', () => {
    it('without one, code outside of a unit uses the primary', async () => {
      expect(await jobs.plain()).toBe('primary');
    });

    it('@UseSlave() reads a replica', async () => {
      expect(await jobs.report()).toBe('replica');
    });

    it('@UseSlave() refuses to write, and the error names the method', async () => {
      await expect(jobs.writing()).rejects.toMatchObject({
        code: 'ERR_REPLICATED_REPLICA_WRITE',
        handler: 'Jobs.writing',
      });
    });

    it('@ChangesDatabase() uses the primary, also when called from one that reads, whose intent holds again afterwards', async () => {
      expect(await jobs.count('job')).toBe('primary');
      expect(await selector.run({ intent: 'replica' }, () => jobs.plain())).toBe('replica');
      expect(await jobs.calling()).toEqual(['replica', 'primary', 'primary']); // the last: the unit has written
    });

    it('an explicit block around it wins', async () => {
      expect(await selector.usePrimary(() => jobs.report())).toBe('primary');
      await expect(selector.useReplica(() => jobs.count('never'))).rejects.toMatchObject({
        code: 'ERR_REPLICATED_REPLICA_WRITE',
      });
    });

    it('holds while an Observable produces', async () => {
      expect(await firstValueFrom(jobs.stream())).toBe('replica');
    });

    it('holds for what an Observable produces that comes in a promise', async () => {
      expect(await firstValueFrom(await jobs.promised())).toBe('replica');
    });

    it('holds while a generator runs, wherever it is asked for values', async () => {
      const pages: Server[] = [];
      for await (const page of jobs.pages()) pages.push(page);
      expect(pages).toEqual(['replica', 'replica']);
      expect(await Promise.all(jobs.batches())).toEqual(['replica']);
      expect(await jobs.importing()).toEqual(['replica', 'primary']);
    });

    it('leaves a generator what it is: it ends early, and throws, as any other', async () => {
      const [ended, broken] = [jobs.pages(), jobs.pages()];
      await ended.next();
      expect(await ended.return('primary')).toEqual({ done: true, value: 'primary' });
      expect(await ended.next()).toEqual({ done: true, value: undefined });
      await broken.next();
      await expect(broken.throw(new Error('on purpose'))).rejects.toThrow('on purpose');
    });

    it('keeps the name, the number of parameters and the metadata of the method', () => {
      const { named } = Jobs.prototype;
      expect([named.name, named.length, Reflect.getMetadata('below', named)]).toEqual(['named', 2, 1]);
    });

    it('on a class it decides for the methods that other decorators have made handlers', async () => {
      const reports = new Reports(jobs.notes);
      expect([await reports.handler(), await reports.helper()]).toEqual(['replica', 'primary']);
    });

    it('on a class it stands in place of that of its parent, in any order with others', async () => {
      expect(await new Counters(jobs.notes).count()).toBe('primary');
      expect(await new CountersReport(jobs.notes).count()).toBe('replica');
    });

    it.each([
      ['a getter', { get: () => 1 }],
      ['a property that holds a function', undefined],
    ])('on %s it says that it is for methods', (_what, descriptor) => {
      class Totals {}
      const decorate = UseSlave() as (target: object, key: string, descriptor?: PropertyDescriptor) => void;
      expect(() => decorate(Totals.prototype, 'sum', descriptor)).toThrow(
        /for methods and classes.*Totals\.sum/,
      );
    });
  });

  describe('ConnectionSelector', () => {
    it('says the last route of the unit', async () => {
      expect(selector.route).toBeUndefined();
      await selector.run({ intent: 'replica' }, async () => {
        expect(selector.route).toBeUndefined();
        await read();
        expect(selector.route).toMatchObject({ role: 'replica', reason: 'explicit' });
      });
      expect(selector.route).toBeUndefined();
    });

    it('.dataSource is what the next read would use, with all metadata', async () => {
      const here = (): Promise<Server> => serverOf(selector.dataSource.getRepository(Note));
      expect(await here()).toBe('primary');
      await selector.useReplica(async () => {
        expect(selector.dataSource).toBeInstanceOf(DataSource);
        expect(selector.dataSource.hasMetadata(Note)).toBe(true);
        expect(await here()).toBe('replica');
      });
    });

    it('blocks restore what was before, also when they throw', async () => {
      await selector.run({ intent: 'replica' }, async () => {
        await selector.usePrimary(async () => {
          expect(await read()).toBe('primary');
          await selector.useReplica(async () => expect(await read()).toBe('replica'));
          expect(await read()).toBe('primary');
        });
        await expect(selector.usePrimary(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
        expect(() => selector.usePrimary(() => { throw new Error('y'); })).toThrow('y'); // prettier-ignore
        expect(await read()).toBe('replica');
      });
      expect(await read()).toBe('primary');
    });

    it('gives back what the block returns', async () => {
      expect(selector.usePrimary(() => 7)).toBe(7);
      expect(await selector.run({ intent: 'primary' }, () => Promise.resolve(8))).toBe(8);
    });

    it('parallel units do not disturb each other', async () => {
      const intents = Array.from({ length: 20 }, (_, index) => (index % 2 ? 'primary' : 'replica'));
      const servers = await Promise.all(
        intents.map((intent) =>
          selector.run({ intent }, async () => {
            await turn();
            await read();
            await selector.useReplica(() => turn());
            return read();
          }),
        ),
      );
      expect(servers).toEqual(intents);
    });

    it('parallel blocks of one unit do not disturb each other', async () => {
      const servers = await selector.run({ intent: 'replica' }, () =>
        Promise.all([
          selector.usePrimary(async () => (await turn(), read())),
          read(),
          selector.useReplica(async () => (await turn(), read())),
          selector.outside(async () => (await turn(), read())),
        ]),
      );
      expect(servers).toEqual(['primary', 'replica', 'replica', 'primary']);
    });

    it('a unit inside another tells it of its writes, and not of its intent', async () => {
      await selector.run({ intent: 'primary' }, async () => {
        expect(await selector.run({ intent: 'replica' }, read)).toBe('replica');
        expect(await read()).toBe('primary');
        expect(await selector.token()).toBeUndefined();
        await selector.run({ intent: 'primary' }, () => jobs.notes.save({ text: 'inner' }));
        expect(await selector.token()).toBeDefined();
      });
    });

    it('a unit inside another sees the writes of the other', async () => {
      for (const replica of cluster.replicas) await replica.pauseReplay();
      try {
        await selector.run({ intent: 'primary' }, async () => {
          const { id } = await jobs.notes.save({ text: 'outer' });
          const seen = await selector.run({ intent: 'replica' }, () => jobs.notes.findOneBy({ id }));
          expect(seen).toMatchObject({ text: 'outer' });
        });
      } finally {
        for (const replica of cluster.replicas) await replica.resumeReplay();
        await cluster.waitForReplication();
      }
    });

    it('outside() leaves no token and no write in the unit', async () => {
      await selector.run({ intent: 'replica' }, async () => {
        await selector.outside(() => jobs.notes.save({ text: 'session' }));
        expect(await selector.token()).toBeUndefined();
        expect(await read()).toBe('replica');
      });
    });

    it('one replica serves a unit, and the units inside it', async () => {
      for (let attempt = 0; attempt < 10; attempt++) {
        const nodes = await selector.run({ intent: 'replica' }, async () => {
          const all: (string | undefined)[] = [];
          for (const inner of [false, true, false]) {
            await (inner
              ? selector.run(
                  { intent: 'replica' },
                  async () => (await read(), all.push(selector.route?.node)),
                )
              : read());
            all.push(selector.route?.node);
          }
          return new Set(all).size;
        });
        expect(nodes).toBe(1);
      }
    });

    it('is the same by class and by token', () => {
      expect(app.get(getConnectionSelectorToken())).toBe(selector);
    });
  });

  describe('work that outlives its unit', () => {
    const emitter = new EventEmitter();
    beforeEach(() => void emitter.removeAllListeners());

    it('keeps the route: a promise that is not awaited, a timer, an emitter', async () => {
      const late: Promise<Server>[] = [];
      emitter.on('late', () => late.push(read()));
      await selector.run({ intent: 'replica' }, async () => {
        late.push(turn().then(read));
        late.push(new Promise((resolve) => setTimeout(() => resolve(read()), 5)));
        emitter.emit('late');
      });
      expect(await Promise.all(late)).toEqual(['replica', 'replica', 'replica']);
    });
  });

  describe('stats and onRoute', () => {
    let routes: unknown[];
    let end: () => void;
    beforeEach(() => {
      routes = [];
      end = app.get(ReplicationCluster).onRoute((route) => void routes.push([route.role, route.reason]));
    });
    afterEach(() => end());

    it('tell every choice', async () => {
      const before = app.get(ReplicationCluster).stats();
      await read();
      await jobs.report();
      expect(routes).toEqual([
        ['primary', 'outside-unit'],
        ['replica', 'use-slave'],
      ]);
      const { routes: counted } = app.get(ReplicationCluster).stats();
      expect(counted.replica['use-slave']).toBe((before.routes.replica['use-slave'] ?? 0) + 1);
    });

    it('until the subscription ends', async () => {
      end();
      await read();
      expect(routes).toEqual([]);
    });
  });
});
