import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { databaseModule, type DatabaseOptions } from './database.js';
import { ENTITIES } from './entities.js';
import { NotesController, VersionsController } from './notes.controller.js';
import type { Variant } from './variant.js';

/** The application: the same controllers and entities over the database module of one variant. */
@Module({})
export class BenchModule {
  static of(variant: Variant, options: Omit<DatabaseOptions, 'entities'>): DynamicModule {
    return {
      module: BenchModule,
      imports: [
        databaseModule(variant, { ...options, entities: ENTITIES }),
        TypeOrmModule.forFeature(ENTITIES),
      ],
      controllers: [NotesController, VersionsController],
    };
  }
}
