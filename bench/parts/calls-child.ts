import { AsyncLocalStorage } from 'node:async_hooks';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ConnectionSelector } from 'nestjs-replicated';
import type { DataSource, Repository } from 'typeorm';
import { BenchModule } from '../app/bench.module.js';
import { Note } from '../app/entities.js';
import type { Servers, Variant } from '../app/variant.js';
import { answer } from '../measure/answer.js';

/** What is called. */
export const OPERATIONS = ['findOneBy', 'find20', 'save', 'insert'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface CallsApplication extends Servers {
  readonly variant: Variant;
  /** `'storage'`: every call in AsyncLocalStorage, as those of a routed application are. */
  readonly parts: 'none' | 'storage';
}

export interface CallsJob {
  readonly operation: Operation;
  readonly calls: number;
}

/** Of one slice, per call. */
export interface CallTimes {
  readonly wallUs: number;
  readonly cpuUs: number;
}

type Call = () => Promise<unknown>;

let calls: Readonly<Record<Operation, Call>>;

answer({
  async start({ variant, parts, ...servers }: CallsApplication): Promise<void> {
    const module = BenchModule.of(variant, servers);
    const app = await NestFactory.createApplicationContext(module, { logger: false });
    const notes = callsOf(app.get<DataSource>(getDataSourceToken()).getRepository(Note));
    const isOurs = variant === 'eventual' || variant === 'session';
    if (isOurs) calls = inUnits(notes, app.get(ConnectionSelector));
    else calls = parts === 'storage' ? inStorage(notes) : notes;
  },
  time: ({ operation, calls: count }: CallsJob): Promise<CallTimes> => time(calls[operation], count),
});

function callsOf(notes: Repository<Note>): Readonly<Record<Operation, Call>> {
  const note = () => ({ title: 'A note', text: 'Written by a benchmark.' });
  return {
    findOneBy: () => notes.findOneBy({ id: 1 }),
    find20: () => notes.find({ take: 20, order: { id: 'ASC' } }),
    save: () => notes.save(note()),
    insert: () => notes.insert(note()),
  };
}

function inStorage(of: Readonly<Record<Operation, Call>>): typeof of {
  const storage = new AsyncLocalStorage<object>();
  return {
    findOneBy: () => storage.run({}, of.findOneBy),
    find20: () => storage.run({}, of.find20),
    save: () => storage.run({}, of.save),
    insert: () => storage.run({}, of.insert),
  };
}

/** A unit of work per call, as each request opens one. */
function inUnits(of: Readonly<Record<Operation, Call>>, selector: ConnectionSelector): typeof of {
  return {
    findOneBy: () => selector.run({ intent: 'replica' }, of.findOneBy),
    find20: () => selector.run({ intent: 'replica' }, of.find20),
    save: () => selector.run({ intent: 'primary' }, of.save),
    insert: () => selector.run({ intent: 'primary' }, of.insert),
  };
}

async function time(call: Call, count: number): Promise<CallTimes> {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  for (let index = 0; index < count; index++) await call();
  const wallMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallUs: (wallMs * 1000) / count, cpuUs: (user + system) / count };
}
