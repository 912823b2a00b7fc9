import { Scope, type Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource, ObjectLiteral } from 'typeorm';

/** Name of the second DataSource of the home-made way. */
export const REPLICA = 'replica';

const ROUTED = Symbol('the DataSource of this request');

/** The obvious home-made way: a provider per request looks at the method and picks one of two DataSources. */
export const requestScopedDataSource: Provider = {
  provide: ROUTED,
  scope: Scope.REQUEST,
  inject: [REQUEST, getDataSourceToken(), getDataSourceToken(REPLICA)],
  useFactory: (request: { method: string }, primary: DataSource, replica: DataSource) =>
    request.method === 'GET' ? replica : primary,
};

/** A repository of the DataSource of the request. */
export function requestScopedRepository(provide: symbol, entity: new () => ObjectLiteral): Provider {
  return {
    provide,
    scope: Scope.REQUEST,
    inject: [ROUTED],
    useFactory: (dataSource: DataSource) => dataSource.getRepository(entity),
  };
}
