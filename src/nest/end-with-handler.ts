import 'reflect-metadata';
import { Catch, type ExceptionFilter } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { storage } from '../context/storage.js';
import { descriptorsOf, disguise, type Method } from './in-own-unit.js';
import { runToEnd } from './run-to-end.js';

/**
 * Makes the unit of work of a request end with its handler, seen before the interceptors and filters behind it: every
 * route's method is wrapped, as decorators would. Called before routes exist; an application may be made of the same classes
 * again.
 */
export function endUnitsWithHandlers(modules: ModulesContainer): void {
  for (const { controllers } of modules.values()) {
    for (const { metatype } of controllers.values()) {
      if (typeof metatype === 'function') wrapRoutes((metatype as { prototype: object }).prototype);
    }
  }
}

function wrapRoutes(prototype: object): void {
  for (const [key, descriptor] of descriptorsOf(prototype)) {
    const method: unknown = descriptor.value;
    if (typeof method !== 'function' || !isRoute(method) || Reflect.hasOwnMetadata(WRAPPED, method)) continue;
    Object.defineProperty(prototype, key, { ...descriptor, value: endingUnit(method as Method) });
  }
}

const WRAPPED = 'nestjs-replicated:ends-unit';
// As in Nest's own constants, whose path is not part of its public interface.
const PATH = 'path';
const HTTP_METHOD = 'method';
const FILTERS = '__exceptionFilters__';

function isRoute(method: object): boolean {
  return Reflect.hasMetadata(PATH, method) && Reflect.hasMetadata(HTTP_METHOD, method);
}

function endingUnit(method: Method): Method {
  const wrapped = disguise(function (...args) {
    const scope = storage.getStore();
    // A middleware may have called `next()` inside a block.
    const unit = scope?.unit.requestUnit;
    return scope && unit?.begin()
      ? runToEnd(unit, scope, () => method.apply(this, args))
      : method.apply(this, args);
  }, method);
  Reflect.defineMetadata(WRAPPED, true, wrapped);
  const filters = (Reflect.getMetadata(FILTERS, method) ?? []) as unknown[];
  Reflect.defineMetadata(FILTERS, [...filters, new EndingFilter()], wrapped);
  return wrapped;
}

/** Of this type is no exception; to be asked whether one is means that a guard, a pipe, an interceptor or the handler has thrown it. */
class NoException {
  static [Symbol.hasInstance](): boolean {
    storage.getStore()?.unit.requestUnit?.end();
    return false;
  }
}

/**
 * Never catches anything. Nest looks for the filter of an exception from the last filter of the method to the first global
 * one, so that this one is asked before those of the application run, also where no handler was called.
 */
@Catch(NoException)
class EndingFilter implements ExceptionFilter {
  catch(exception: unknown): never {
    throw exception;
  }
}
