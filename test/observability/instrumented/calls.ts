import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { ConnectionSelector, ReplicatedModule, ReplicationCluster } from 'nestjs-replicated';
import { instrumentReplication } from 'nestjs-replicated/otel';
import { DataSource, EntitySchema, In } from 'typeorm';

/** What the process has found. */
export interface Findings {
  /** Of one call each: what it has answered, or failed with. */
  readonly calls: Readonly<Record<string, unknown>>;
  readonly metrics: ResourceMetrics;
}

/** Where the process is to connect. */
export interface InstrumentedNodes {
  readonly type: 'postgres' | 'mysql';
  readonly primary: string;
  readonly replica: string;
}

interface Tools {
  readonly meterProvider: MeterProvider;
  readonly tracerProvider: TracerProvider;
  readonly collect: () => Promise<ResourceMetrics>;
  readonly inSpan: <T>(name: string, run: () => Promise<T>) => Promise<T>;
}

interface Note {
  id: number;
  text: string;
}

const NoteSchema = new EntitySchema<Note>({
  name: 'note',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});

/** Everything in the library that touches the driver's own calls, while an instrumentation stands around them. */
export async function checkCalls(
  nodes: InstrumentedNodes,
  { inSpan, collect, ...providers }: Tools,
): Promise<Findings> {
  const options = {
    type: nodes.type,
    entities: [NoteSchema],
    synchronize: true,
    primary: { url: nodes.primary },
    replicas: [{ url: nodes.replica }],
  } as const;
  class AppModule {}
  Module({ imports: [ReplicatedModule.forRoot({ ...options, entities: [NoteSchema] })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const stop = instrumentReplication(app.get(ReplicationCluster), { ...providers, pools: true });
  const dataSource = app.get(DataSource);
  const selector = app.get(ConnectionSelector);
  const notes = dataSource.getRepository(NoteSchema);
  const write = <T>(run: () => Promise<T>) => selector.run({ intent: 'primary' }, run);
  const read = <T>(run: () => Promise<T>) => selector.run({ intent: 'replica' }, run);
  const calls: Record<string, unknown> = {};
  const call = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    calls[name] = await inSpan(name, () => run().catch((error: Error) => `failed: ${error.message}`));
  };

  await call('autocommit', () =>
    write(async () => {
      await notes.insert({ text: 'a' });
      return typeof (await selector.token());
    }),
  );
  await call('autocommits', () =>
    write(async () => {
      const texts = Array.from({ length: 20 }, (_, at) => `${at}`);
      const written = await Promise.all(texts.map((text) => notes.insert({ text })));
      const found = await Promise.all(written.map(({ identifiers: [id] }) => notes.findOneBy({ ...id })));
      await notes.delete({ id: In(written.map(({ identifiers: [id] }) => (id as Note).id)) });
      const { 'no-position': pins = 0 } = app.get(ReplicationCluster).stats().tokens;
      return [pins, found.every((note, at) => note?.text === texts[at])];
    }),
  );
  await call('transaction', () =>
    write(async () => {
      await dataSource.transaction((manager) => manager.save(NoteSchema, { text: 'b' }));
      return typeof (await selector.token());
    }),
  );
  await call('rollback', () =>
    write(async () => {
      await dataSource
        .transaction(async (manager) => {
          await manager.save(NoteSchema, { text: 'c' });
          throw new Error('not this time');
        })
        .catch(() => undefined);
      return typeof (await selector.token());
    }),
  );
  await call('raw', () =>
    write(async () => {
      await dataSource.query(`UPDATE note SET text = CONCAT(text, '!')`);
      return typeof (await selector.token());
    }),
  );
  const token = await write(async () => {
    await notes.insert({ text: 'd' });
    return selector.token();
  });
  await app.get(ReplicationCluster).whenReplayed(token);
  await call('read', () => read(async () => [(await notes.find()).length, selector.route?.role]));
  await call('read-only transaction', () =>
    read(() => dataSource.transaction(async (manager) => (await manager.find(NoteSchema)).length)),
  );
  const numbers = nodes.type === 'mysql' ? 'SELECT seq FROM seq_1_to_500' : 'SELECT generate_series(1, 500)';
  await call('stream', () =>
    read(async () => {
      const runner = dataSource.createQueryRunner();
      const rows = [];
      const release = (): void => void runner.release();
      for await (const row of await runner.stream(numbers, [], release, release)) rows.push(row);
      return rows.length;
    }),
  );
  await call('refused', () => read(() => dataSource.query(`INSERT INTO note (text) VALUES ('e')`)));
  await call('failing', () => write(() => dataSource.query('SELECT * FROM missing')));
  const metrics = await collect();
  stop();
  await app.close();
  return { calls, metrics };
}
