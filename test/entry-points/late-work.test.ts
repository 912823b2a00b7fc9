import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { waitUntil, type PostgresCluster } from 'nestjs-replicated/testing';
import { Note } from '../support/note.js';
import { optionsFor, PLATFORMS, openApp, startSeededCluster, type Site } from '../support/open-app.js';
import { Reader } from './reader.js';

const emitter = new EventEmitter();
let outcomes: string[] = [];

function keep(work: Promise<unknown>): void {
  void work.then(
    (seen) => outcomes.push((seen as { server?: string }).server ?? 'written'),
    (error: Error) => outcomes.push(error.name),
  );
}

/** Begins when the test says so, long after the response. */
const later = (work: () => Promise<unknown>): void =>
  keep(new Promise<void>((go) => (letGo = go)).then(work));
let letGo: () => void = () => undefined;

@Controller()
class LateController {
  constructor(private readonly reader: Reader) {}

  @Get('read')
  read() {
    later(() => this.reader.look());
  }

  @Get('timer')
  timer() {
    setTimeout(() => keep(this.reader.look()), 1);
  }

  @Get('emitter')
  emit() {
    emitter.once('go', () => keep(this.reader.look()));
    emitter.emit('go');
  }

  @Post('read')
  readByPost() {
    later(() => this.reader.look());
  }

  @Get('write')
  writeByGet() {
    later(() => this.reader.write('late'));
  }

  @Post('write')
  write() {
    later(() => this.reader.write('late'));
  }
}

describe.each(PLATFORMS)('work that outlives its request, on $platform', ({ createAdapter }) => {
  let cluster: PostgresCluster;
  let site: Site;
  const lateWrites: string[] = [];

  beforeAll(async () => {
    cluster = await startSeededCluster();
    site = await openApp({
      imports: [ReplicatedModule.forRoot(optionsFor(cluster)), ReplicatedModule.forFeature([Note])],
      providers: [Reader],
      controllers: [LateController],
      createAdapter,
    });
    site.app.get(ReplicationCluster).on('lateWrite', ({ handler }) => lateWrites.push(handler));
  });
  afterAll(async () => {
    await site?.app.close();
    await cluster?.stop();
  });

  async function outcomeOf(method: string, path: string): Promise<{ outcome: string; cookies: string[] }> {
    outcomes = [];
    const response = await fetch(`${site.url}/${path}`, { method });
    await response.text();
    letGo();
    await waitUntil(() => outcomes.length === 1);
    return { outcome: outcomes[0] ?? '', cookies: response.headers.getSetCookie() };
  }

  it.each([
    ['GET', 'read', 'replica', 'a promise that is not awaited'],
    ['GET', 'timer', 'replica', 'a timer'],
    ['GET', 'emitter', 'replica', 'an emitter'],
    ['POST', 'read', 'primary', 'a promise that is not awaited'],
    ['GET', 'write', 'written', 'a write that the handler itself may not make'],
  ])('%s %s: %s, in %s', async (method, path, server) => {
    expect((await outcomeOf(method, path)).outcome).toBe(server);
  });

  it('a late write cannot leave a token any more, which is said once per handler', async () => {
    for (let round = 0; round < 3; round += 1) {
      expect(await outcomeOf('POST', 'write')).toEqual({ outcome: 'written', cookies: [] });
    }
    expect(lateWrites).toEqual(['LateController.writeByGet', 'LateController.write']);
  });
});
