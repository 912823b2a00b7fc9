import { AsyncLocalStorage } from 'node:async_hooks';
import type { INestApplication } from '@nestjs/common';
import { getRepositoryToken } from '@nestjs/typeorm';
import { ConnectionSelector } from 'nestjs-replicated';
import type { Repository } from 'typeorm';
import { median } from '../measure/statistics.js';
import { Note } from './entities.js';
import type { Contender } from './variant.js';

/** What is called, and how a unit of work announces it. */
const INTENTS = {
  find: 'replica',
  findOneBy: 'replica',
  query: 'replica',
  save: 'primary',
  insert: 'primary',
} as const;
export type Operation = keyof typeof INTENTS;
export const OPERATIONS = Object.keys(INTENTS) as readonly Operation[];

export interface CallsJob {
  readonly operation: Operation;
  readonly calls: number;
}

/** One for all: each that is used makes every asynchronous step dearer, for good. */
const storage = new AsyncLocalStorage<object>();

/** Per call. */
export type CallCosts = Readonly<Awaited<ReturnType<typeof timeCalls>>>;

/** One call after the other. */
export async function timeCalls(
  app: INestApplication,
  { variant, hasPlatformParts }: Contender,
  { operation, calls }: CallsJob,
) {
  const call = callOf(app.get(getRepositoryToken(Note)), operation);
  let run = call;
  // Every call in AsyncLocalStorage, as those of a routed application are; or in a unit of work, as each request opens one.
  if (hasPlatformParts) run = () => storage.run({}, call);
  if (variant === 'eventual' || variant === 'session') {
    const selector = app.get(ConnectionSelector);
    run = () => selector.run({ intent: INTENTS[operation] }, call);
  }
  const tookMs: number[] = [];
  const before = process.cpuUsage();
  for (let index = 0; index < calls; index++) {
    const startedAtMs = performance.now();
    await run();
    tookMs.push(performance.now() - startedAtMs);
  }
  const { user, system } = process.cpuUsage(before);
  return { p50Ms: median(tookMs), cpuUs: (user + system) / calls };
}

function callOf(notes: Repository<Note>, operation: Operation): () => Promise<unknown> {
  const note = () => ({ title: 'A note', text: 'Written by a benchmark.' });
  return {
    find: () => notes.find({ take: 20, order: { id: 'ASC' } }),
    findOneBy: () => notes.findOneBy({ id: 1 }),
    query: () => notes.query('SELECT * FROM note WHERE id = 1'),
    save: () => notes.save(note()),
    insert: () => notes.insert(note()),
  }[operation];
}
