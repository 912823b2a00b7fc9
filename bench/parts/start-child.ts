import { NestFactory } from '@nestjs/core';
import { EntitySchema } from 'typeorm';
import { databaseModule } from '../app/database.js';
import type { Servers, Variant } from '../app/variant.js';
import { answer } from '../measure/child.js';

export interface StartJob extends Servers {
  readonly variant: Variant;
  readonly entities: number;
}

/** One start of an application context. */
export interface StartCost {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of the heap and of the process, after a collection of garbage. */
  readonly heapMb: number;
  readonly rssMb: number;
}

answer({
  async run({ variant, entities, ...servers }: StartJob): Promise<StartCost> {
    const module = class {};
    const schemas = Array.from({ length: entities }, (_, index) => schema(index));
    const imports = [databaseModule(variant, { ...servers, entities: schemas })];
    const cpuBefore = process.cpuUsage();
    const startedAtMs = performance.now();
    await NestFactory.createApplicationContext({ module, imports }, { logger: false });
    const wallMs = performance.now() - startedAtMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    globalThis.gc?.();
    globalThis.gc?.();
    const { heapUsed, rss } = process.memoryUsage();
    return { wallMs, cpuMs: (user + system) / 1000, heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20 };
  },
});

/** A table with ten columns, which points at the one before it. */
function schema(index: number): EntitySchema {
  const columns = Array.from(
    { length: 9 },
    (_, at) => [`column${at}`, { type: 'text', nullable: true }] as const,
  );
  return new EntitySchema<object>({
    name: `Table${index}`,
    columns: { id: { type: 'int', primary: true, generated: true }, ...Object.fromEntries(columns) } as never,
    ...(index === 0
      ? {}
      : { relations: { parent: { type: 'many-to-one', target: `Table${index - 1}` } } as never }),
  });
}
