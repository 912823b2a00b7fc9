import 'reflect-metadata';
import type { HandlerMarks } from '../context/unit-of-work.js';
import type { HandlerMark } from '../routing/resolve-intent.js';

const KEY = 'nestjs-replicated:mark';
// Of what a decorator may stand on, functions are all that Nest hands back: handlers and controller classes.
type Marked = object;

/** Adds to what the decorators say of a handler or class. */
export function addMark(target: Marked, mark: HandlerMark): void {
  Reflect.defineMetadata(KEY, { ...markOf(target), ...mark }, target);
}

/** What the decorators say of a handler or class; a subclass inherits. */
export function markOf(target: Marked): HandlerMark | undefined {
  return Reflect.getMetadata(KEY, target) as HandlerMark | undefined;
}

/** Reads the marks of handlers, once each. */
export class HandlerMarksReader {
  private readonly known = new WeakMap<Marked, WeakMap<Marked, HandlerMarks>>();

  read(controller: Marked & { name: string }, handler: Marked & { name: string }): HandlerMarks {
    const ofController = this.known.get(controller) ?? new WeakMap<Marked, HandlerMarks>();
    this.known.set(controller, ofController);
    const marks = ofController.get(handler) ?? {
      name: `${controller.name}.${handler.name}`,
      handler: markOf(handler),
      controller: markOf(controller),
    };
    ofController.set(handler, marks);
    return marks;
  }
}
