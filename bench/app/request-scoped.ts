import { Scope, type Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { getRepositoryToken } from '@nestjs/typeorm';
import type { Repository, ObjectLiteral } from 'typeorm';

/** Name of the second DataSource of the home-made way. */
export const REPLICA = 'replica';

type Entity = new () => ObjectLiteral;

/** The obvious home-made way: a provider per request that looks at the method and picks one of two DataSources. */
export function requestScoped(provide: symbol, entity: Entity): Provider {
  return {
    provide,
    scope: Scope.REQUEST,
    inject: [REQUEST, getRepositoryToken(entity), getRepositoryToken(entity, REPLICA)],
    useFactory: (
      request: { method: string },
      primary: Repository<ObjectLiteral>,
      replica: Repository<ObjectLiteral>,
    ) => (request.method === 'GET' ? replica : primary),
  };
}
