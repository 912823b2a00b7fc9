import { NestFactory } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ConnectionSelector } from 'nestjs-replicated';
import type { DataSource, Repository } from 'typeorm';
import { BenchModule } from '../app/bench.module.js';
import { Note } from '../app/entities.js';
import type { Servers, Variant } from '../app/variant.js';
import { answer } from '../measure/answer.js';
import { orderOfRound } from '../measure/statistics.js';

/** What is called. */
export const OPERATIONS = ['findOneBy', 'find20', 'save', 'insert'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface CallsJob extends Servers {
  readonly variants: readonly Variant[];
  readonly rounds: number;
  readonly perRound: number;
}

/** Time per call of each round, in microseconds. */
export interface CallTimes {
  readonly variant: Variant;
  readonly operation: Operation;
  readonly wallUs: number[];
  readonly cpuUs: number[];
}

type Call = () => Promise<unknown>;

answer({
  async run({ variants, rounds, perRound, ...servers }: CallsJob): Promise<readonly CallTimes[]> {
    const series = (await Promise.all(variants.map((variant) => prepare(variant, servers)))).flat();
    for (const { call } of series) await time(call, perRound);
    for (let round = 0; round < rounds; round++) {
      for (const { call, times } of orderOfRound(series, round)) {
        const { wallUs, cpuUs } = await time(call, perRound);
        times.wallUs.push(wallUs);
        times.cpuUs.push(cpuUs);
      }
    }
    return series.map(({ times }) => times);
  },
});

async function prepare(
  variant: Variant,
  servers: Servers,
): Promise<readonly { call: Call; times: CallTimes }[]> {
  const app = await NestFactory.createApplicationContext(BenchModule.of(variant, servers), { logger: false });
  const notes = app.get<DataSource>(getDataSourceToken()).getRepository(Note);
  const isOurs = variant === 'eventual' || variant === 'session';
  const selector = isOurs ? app.get(ConnectionSelector) : undefined;
  return OPERATIONS.map((operation) => {
    const call = callOf(operation, notes);
    const intent = operation.startsWith('find') ? 'replica' : 'primary';
    return {
      // A unit of work per call, as each request opens one.
      call: selector ? () => selector.run({ intent }, call) : call,
      times: { variant, operation, wallUs: [], cpuUs: [] },
    };
  });
}

function callOf(operation: Operation, notes: Repository<Note>): Call {
  const note = () => ({ title: 'A note', text: 'Written by a benchmark.' });
  switch (operation) {
    case 'findOneBy':
      return () => notes.findOneBy({ id: 1 });
    case 'find20':
      return () => notes.find({ take: 20, order: { id: 'ASC' } });
    case 'save':
      return () => notes.save(note());
    case 'insert':
      return () => notes.insert(note());
    default:
      return operation satisfies never;
  }
}

async function time(call: Call, count: number): Promise<{ wallUs: number; cpuUs: number }> {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  for (let index = 0; index < count; index++) await call();
  const wallMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallUs: (wallMs * 1000) / count, cpuUs: (user + system) / count };
}
