import 'reflect-metadata';
import type { HandlerMarks } from '../context/unit-of-work.js';
import type { HandlerMark } from '../routing/resolve-intent.js';

const KEY = 'nestjs-replicated:mark';
// Of what a decorator may stand on, functions are all that Nest hands back: handlers and controller classes.
type Marked = object;
type Named = Marked & { readonly name: string };

/**
 * Adds to what the decorators say of a handler or class. All decorators of a method share one object, also when others
 * between them have replaced the method and copied its metadata: it tells whose unit of work one is in.
 */
export function addMark(target: Marked, mark: HandlerMark): void {
  const known = Reflect.getOwnMetadata(KEY, target) as HandlerMark | undefined;
  const own = known ?? (Object.create(markOf(target) ?? null) as HandlerMark);
  if (!known) Reflect.defineMetadata(KEY, own, target);
  // What a class says itself of the route stands in place of all that its parent says of it.
  const isFirst = ROUTES.some((key) => key in mark) && !ROUTES.some((key) => Object.hasOwn(own, key));
  Object.assign(own, isFirst ? NO_ROUTE : {}, mark);
}

const ROUTES = ['changesDatabase', 'useSlave'] as const;
const NO_ROUTE: HandlerMark = { changesDatabase: undefined, useSlave: undefined };

/** What the decorators say of a handler or class; a subclass inherits. */
export function markOf(target: Marked): HandlerMark | undefined {
  return Reflect.getMetadata(KEY, target) as HandlerMark | undefined;
}

function readMarks(controller: Named, handler: Named): HandlerMarks {
  return {
    name: `${controller.name}.${handler.name}`,
    handler: markOf(handler),
    controller: markOf(controller),
  };
}

/** Whether a unit of work is decided by the very decorators of this handler; those of its class count if it has none. */
export function isMarkedLike(marks: HandlerMarks | undefined, controller: Named, handler: Named): boolean {
  const own = markOf(handler);
  return own ? marks?.handler === own : marks !== undefined && marks.controller === markOf(controller);
}

/** Reads the marks of handlers, once each, so that a handler is known by them: two classes of one name are two. */
export class HandlerMarksReader {
  private readonly known = new WeakMap<Marked, WeakMap<Marked, HandlerMarks>>();

  read(controller: Named, handler: Named): HandlerMarks {
    return this.known.get(controller)?.get(handler) ?? this.learn(controller, handler);
  }

  private learn(controller: Named, handler: Named): HandlerMarks {
    const ofController = this.known.get(controller) ?? new WeakMap<Marked, HandlerMarks>();
    const marks = readMarks(controller, handler);
    this.known.set(controller, ofController.set(handler, marks));
    return marks;
  }
}
