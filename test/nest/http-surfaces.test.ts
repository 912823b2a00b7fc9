import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Get,
  Head,
  Injectable,
  Module,
  Options,
  Post,
  VersioningType,
} from '@nestjs/common';
import { LazyModuleLoader, RouterModule } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { ReplicatedModule, ReplicationCluster, UseSlave } from 'nestjs-replicated';
import type { PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { Repository } from 'typeorm';
import { Note, serverOf } from '../support/note.js';
import { PLATFORMS, optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

abstract class Reading {
  constructor(@InjectRepository(Note) protected readonly notes: Repository<Note>) {}
  protected read(): Promise<string> {
    return serverOf(this.notes);
  }
}

@Controller('methods')
class MethodsController extends Reading {
  @Get() get() {
    return this.read();
  }
  @Head('head') async head() {
    await this.read();
  }
  @Options('options') options() {
    return this.read();
  }
}

@Controller({ path: 'versioned', version: '1' })
class FirstController extends Reading {
  @Post() post() {
    return this.read();
  }
}

@Controller({ path: 'versioned', version: '2' })
class SecondController extends Reading {
  @Post() @UseSlave() post() {
    return this.read();
  }
}

@Controller('nested')
class NestedController extends Reading {
  @Get() get() {
    return this.read();
  }
}

@Controller('ruled')
class RuledController extends Reading {
  @Get(['one', 'deep/two']) get() {
    return this.read();
  }
  @Post('search') search() {
    return this.read();
  }
}

@Controller('excluded')
class ExcludedController extends Reading {
  @Get() get() {
    return this.read();
  }
}

@Controller()
class CatchAllController extends Reading {
  @All('*') any() {
    return this.read();
  }
}

@Injectable()
class LazyService extends Reading {
  answer(): Promise<string> {
    return this.read();
  }
}

@Controller('lazy')
class LazyController {
  constructor(private readonly loader: LazyModuleLoader) {}
  @Get() async get() {
    const module = await this.loader.load(() => LazyModule);
    return module.get(LazyService).answer();
  }
}

const FEATURE = ReplicatedModule.forFeature([Note]);

@Module({ imports: [FEATURE], providers: [LazyService] })
class LazyModule {}

@Module({ imports: [FEATURE], controllers: [NestedController] })
class NestedModule {}

@Module({
  imports: [FEATURE],
  controllers: [
    MethodsController,
    FirstController,
    SecondController,
    RuledController,
    ExcludedController,
    LazyController,
  ],
})
class PathsModule {}

@Module({ imports: [FEATURE], controllers: [CatchAllController] })
class CatchAllModule {}

type Row = readonly [
  what: string,
  method: 'get' | 'head' | 'options' | 'post' | 'patch',
  path: string,
  route: string,
];
const ROWS: readonly Row[] = [
  ['GET', 'get', '/api/v1/methods', 'replica-1; reason=read-method'],
  ['HEAD of a GET handler', 'head', '/api/v1/methods', 'replica-1; reason=read-method'],
  ['HEAD', 'head', '/api/v1/methods/head', 'replica-1; reason=read-method'],
  ['OPTIONS', 'options', '/api/v1/methods/options', 'primary; reason=write-method'],
  ['version 1 of a path', 'post', '/api/v1/versioned', 'primary; reason=write-method'],
  ['version 2 of the same path', 'post', '/api/v2/versioned', 'replica-1; reason=use-slave'],
  ['RouterModule', 'get', '/api/v1/shop/nested', 'replica-1; reason=read-method'],
  ['a path without the global prefix', 'get', '/v1/excluded', 'replica-1; reason=read-method'],
  ['a rule sees the whole path', 'get', '/api/v1/ruled/one', 'primary; reason=rule'],
  ['a rule for a folder', 'get', '/api/v1/ruled/deep/two', 'primary; reason=rule'],
  ['a rule sees what is encoded', 'get', '/api/v1/ruled/caf%C3%A9', 'primary; reason=rule'],
  ['a rule does not see the query', 'post', '/api/v1/ruled/search?a=/b', 'replica-1; reason=rule'],
  ['a lazy-loaded module', 'get', '/api/v1/lazy', 'replica-1; reason=read-method'],
  ['a catch-all route, read', 'get', '/api/v1/what/ever', 'replica-1; reason=read-method'],
  ['a catch-all route, written', 'patch', '/api/v1/what/ever', 'primary; reason=write-method'],
];

describe('HTTP surfaces', () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startSeededCluster();
  });
  afterAll(() => cluster.stop());

  describe.each(PLATFORMS)('on $platform', ({ createAdapter }) => {
    let site: Site;
    beforeAll(async () => {
      const rules = [
        { path: '/api/v1/ruled/one', use: 'primary' },
        { path: '/api/v1/ruled/café', use: 'primary' },
        { method: 'get', path: '/api/v1/ruled/deep/*rest', use: 'primary' },
        { method: ['POST'], path: '/api/v1/ruled/:action', use: 'replica' },
      ] as const;
      site = await openApp({
        createAdapter,
        imports: [
          ReplicatedModule.forRoot(optionsFor(cluster, { routing: { explainHeader: true, rules } })),
          PathsModule,
          NestedModule,
          RouterModule.register([{ path: 'shop', module: NestedModule }]),
          CatchAllModule,
        ],
        configure: (app) =>
          app
            .setGlobalPrefix('api', { exclude: ['excluded', 'v1/excluded'] })
            .enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
      });
    });
    afterAll(() => site?.app.close());

    it.each(ROWS)('%s: %s %s', async (_what, method, path, route) => {
      const response = await request(site.url)[method](path);
      expect([response.status < 300, response.get('Replication-Route')]).toEqual([true, route]);
    });

    it('a path that no handler serves costs no query', async () => {
      const before = site.app.get(ReplicationCluster).stats().nodes;
      await request(site.url).get('/nowhere').expect(404);
      expect(site.app.get(ReplicationCluster).stats().nodes).toEqual(before);
    });
  });

  it.each(PLATFORMS)('host-bound controllers on $platform', async ({ createAdapter }) => {
    @Controller({ host: 'admin.example.com' })
    class AdminController extends Reading {
      @Get('who') @UseSlave() get() {
        return this.read();
      }
      @Post('who') @UseSlave() post() {
        return this.read();
      }
    }
    const site = await openApp({
      createAdapter,
      imports: [ReplicatedModule.forRoot(optionsFor(cluster)), FEATURE],
      controllers: [AdminController],
    });
    const response = await request(site.url).post('/who').set('Host', 'admin.example.com');
    expect(response.get('Replication-Route')).toBe('replica-1; reason=use-slave');
    await site.app.close();
  });

  it.each(PLATFORMS)('two applications in one process do not mix on $platform', async ({ createAdapter }) => {
    const one = (routing: object) =>
      openApp({
        createAdapter,
        imports: [
          ReplicatedModule.forRoot(optionsFor(cluster, { routing: { explainHeader: true, ...routing } })),
          FEATURE,
        ],
        controllers: [NestedController],
      });
    const [reading, writing] = await Promise.all([one({}), one({ readMethods: [] })]);
    const routes = await Promise.all(
      [reading, writing, reading, writing].map(async ({ url }) =>
        (await request(url).get('/nested')).get('Replication-Route'),
      ),
    );
    expect(routes).toEqual([
      'replica-1; reason=read-method',
      'primary; reason=write-method',
      'replica-1; reason=read-method',
      'primary; reason=write-method',
    ]);
    await reading.app.close();
    expect((await request(writing.url).get('/nested')).text).toBe('primary');
    await writing.app.close();
  });
});
