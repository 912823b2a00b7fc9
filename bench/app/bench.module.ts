import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { databaseModule, type DatabaseOptions } from './database.js';
import { ENTITIES, manyTables } from './entities.js';
import { NotesController, VersionsController } from './notes.controller.js';
import type { Variant } from './variant.js';

/** `tables`: entities that nothing uses, beside those of the controllers. */
export type BenchOptions = Omit<DatabaseOptions, 'entities'> & { readonly tables?: number };

/** The application: the same controllers and entities over the database module of one variant. */
@Module({})
export class BenchModule {
  static of(variant: Variant, { tables = 0, ...options }: BenchOptions): DynamicModule {
    const entities = [...ENTITIES, ...manyTables(tables)];
    return {
      module: BenchModule,
      imports: [databaseModule(variant, { ...options, entities }), TypeOrmModule.forFeature(ENTITIES)],
      controllers: [NotesController, VersionsController],
    };
  }
}
