import 'reflect-metadata';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { markOf } from '../nest/handler-marks.js';
import { descriptorsOf } from '../nest/in-own-unit.js';
import { entriesOf, type Entry } from './handler-entries.js';
import { httpRoutesOf, modulePathOf } from './http-paths.js';

type Named = object & { readonly name: string };

/** A handler, or any other method that a decorator makes a unit of work, by what calls it. */
export interface FoundHandler extends Entry {
  readonly owner: Named;
  readonly handler: Named;
  /** Whether decorators of its class reach it: they do where another decorator has made it a handler. */
  readonly isReached: boolean;
}

/** What stands in an application. */
export interface Found {
  readonly handlers: readonly FoundHandler[];
  /** Classes whose decorators reach none of their methods. */
  readonly unreached: readonly Named[];
}

/** Finds handlers by the metadata of their decorators, whichever of the packages is there. */
export function findHandlers(modules: ModulesContainer, config: ApplicationConfig): Found {
  const handlers: FoundHandler[] = [];
  const unreached = new Set<Named>();
  const seen = new Set<Named>();
  for (const { metatype, controllers, providers } of modules.values()) {
    const modulePath = modulePathOf(metatype, modules.applicationId);
    for (const controller of classesOf(controllers.values())) {
      for (const method of methodsOf(controller)) {
        const routes = httpRoutesOf(method, { config, modulePath, controller });
        handlers.push(...routes.map((route) => found({ kind: 'http', ...route }, controller, method)));
      }
    }
    for (const owner of classesOf([...controllers.values(), ...providers.values()])) {
      if (seen.has(owner)) continue;
      seen.add(owner);
      const others = methodsOf(owner).flatMap((method) =>
        entriesOf(method, owner).map((entry) => found(entry, owner, method)),
      );
      handlers.push(...others);
      const isConcerned = markOf(owner) !== undefined && !others.some(({ kind }) => kind === 'job');
      if (isConcerned && !methodsOf(owner).some(hasDecorators)) unreached.add(owner);
    }
  }
  return { handlers, unreached: [...unreached] };
}

function found(entry: Entry, owner: Named, handler: Named): FoundHandler {
  return { ...entry, owner, handler, isReached: hasDecorators(handler) };
}

/** As `@UseSlave()` and its like ask of the methods of a class. */
function hasDecorators(method: object): boolean {
  return Reflect.getMetadataKeys(method).length > 0;
}

function methodsOf({ prototype }: Named & { readonly prototype?: object }): readonly Named[] {
  const methods = [...descriptorsOf(prototype as object)].filter(([key]) => key !== 'constructor');
  return methods.flatMap(([, { value }]) => (typeof value === 'function' ? [value as Named] : []));
}

interface Provided {
  readonly metatype: unknown;
  readonly inject?: unknown;
  readonly instance: unknown;
}

/** Of providers by a factory or a value, the class of what was made. */
function* classesOf(provided: Iterable<Provided>): Iterable<Named> {
  for (const { metatype, inject, instance } of provided) {
    const isMade = inject || typeof metatype !== 'function';
    const made = isMade ? (instance as object | null | undefined)?.constructor : metatype;
    if (typeof made === 'function' && made !== Object && typeof made.prototype === 'object') yield made;
  }
}
