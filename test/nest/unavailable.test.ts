import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Catch,
  Controller,
  Get,
  Post,
  UseFilters,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import request from 'supertest';
import type { Repository } from 'typeorm';
import { Note, serverOf } from '../support/note.js';
import { PLATFORMS, optionsFor, openApp, startSeededCluster, type Site } from '../support/open-app.js';

/** A catch-all filter as applications have them. */
@Catch()
class EverythingFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const { status = 500, code } = error as { status?: number; code?: string };
    host.switchToHttp().getResponse().status(status).send({ code });
  }
}

@Controller()
class NotesController {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Get('read') read() {
    return serverOf(this.notes);
  }
  @Post('write') write() {
    return this.notes.save({ text: 'x' });
  }
  @Post('filtered') @UseFilters(EverythingFilter) filtered() {
    return this.notes.save({ text: 'x' });
  }
  @Post('caught') async caught() {
    await this.notes.save({ text: 'x' }).catch(() => undefined);
    return 'fine';
  }
}

describe('while the primary is down', () => {
  let postgres: PostgresCluster;
  const sites: Site[] = [];

  beforeAll(async () => {
    postgres = await startSeededCluster();
    for (const { createAdapter } of PLATFORMS) {
      const options = optionsFor(postgres, { monitor: { intervalMs: 500, timeoutMs: 500 } });
      sites.push(
        await openApp({
          createAdapter,
          imports: [ReplicatedModule.forRoot(options), ReplicatedModule.forFeature([Note])],
          controllers: [NotesController],
        }),
      );
    }
    await postgres.primary.stop('immediate');
    const isLost = ({ app }: Site) => app.get(ReplicationCluster).nodes[0]?.state === 'unreachable';
    await waitUntil(() => sites.every(isLost), { message: 'the loss of the primary to be seen' });
  });
  afterAll(async () => {
    await Promise.all(sites.map(({ app }) => app.close()));
    await postgres.stop();
  });

  describe.each(PLATFORMS.map(({ platform }, index) => ({ platform, index })))(
    'on $platform',
    ({ index }) => {
      const post = (path: string) => request((sites[index] as Site).url).post(path);

      it('reads are served by replicas', async () => {
        expect((await request((sites[index] as Site).url).get('/read')).text).toBe('replica');
      });

      it("a write is answered 503 with Retry-After by Nest's own filter", async () => {
        const response = await post('/write');
        expect([response.status, response.get('Retry-After')]).toEqual([503, '1']);
        expect(response.body).toEqual({ statusCode: 503, message: 'Service Unavailable' });
      });

      it('and by a catch-all filter of the application', async () => {
        const response = await post('/filtered');
        expect([response.status, response.get('Retry-After'), response.body]).toEqual([
          503,
          '1',
          { code: 'ERR_REPLICATED_PRIMARY_UNAVAILABLE' },
        ]);
      });

      it('a handler that copes with it answers as ever', async () => {
        const response = await post('/caught');
        expect([response.status, response.get('Retry-After')]).toEqual([201, undefined]);
      });
    },
  );
});
