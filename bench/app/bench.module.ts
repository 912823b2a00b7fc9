import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import { databaseModules, type DatabaseOptions } from './database.js';
import { ENTITIES, Note, Version } from './entities.js';
import { Gate } from './gate.js';
import { NotesController, VersionsController } from './notes.controller.js';
import { NotesService, VersionsService } from './notes.service.js';
import { requestScopedDataSource, requestScopedRepository } from './request-scoped.js';
import { NOTES, VERSIONS } from './tokens.js';
import type { Variant } from './variant.js';

/** The application: the same controllers and entities over the database modules of one variant. */
@Module({})
export class BenchModule {
  static of(variant: Variant, options: Omit<DatabaseOptions, 'entities'>): DynamicModule {
    const isScoped = variant === 'request-scoped';
    return {
      module: BenchModule,
      imports: [
        ...databaseModules(variant, { ...options, entities: ENTITIES }),
        TypeOrmModule.forFeature(ENTITIES),
      ],
      providers: [
        Gate,
        ...(isScoped ? [requestScopedDataSource] : []),
        repository(NOTES, Note, isScoped),
        repository(VERSIONS, Version, isScoped),
        NotesService,
        VersionsService,
      ],
      controllers: [NotesController, VersionsController],
    };
  }
}

function repository(provide: symbol, entity: typeof Note | typeof Version, isScoped: boolean): Provider {
  return isScoped
    ? requestScopedRepository(provide, entity)
    : { provide, useExisting: getRepositoryToken(entity) };
}
