import { storage } from '../context/storage.js';
import { UnitOfWork, type UnitOrigin } from '../context/unit-of-work.js';
import { HandlerMarksReader, isMarkedLike } from './handler-marks.js';
import { runToEnd } from './run-to-end.js';
import { DEFAULT_CLUSTER } from '../options/resolved-options.js';

export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Finds the token that came with a call in its arguments. */
export type TokenOfCall = (...args: unknown[]) => string | undefined;

/**
 * The method, run as a unit of work that its decorators decide: messages, jobs, events, calls from code. A unit that
 * they have decided already, as the guard does over HTTP, is kept. It works wherever the method is called, with
 * enhancers or without, and spares HTTP handlers Nest's interceptor pipeline, which costs more than all of routing.
 */
export function inOwnUnit(method: Method, tokenOf?: TokenOfCall): Method {
  const marks = new HandlerMarksReader();
  const wrapped: Method = function (...args) {
    const owner = ownerOf(this);
    const outer = storage.getStore();
    if (!tokenOf && isMarkedLike(outer?.unit.marks, owner, wrapped)) return method.apply(this, args);
    const unit = new UnitOfWork({ kind: 'message', tokens: tokensFor(tokenOf?.(...args)) }, outer?.unit);
    unit.marks = marks.read(owner, wrapped);
    return runToEnd(unit, outer ? { unit, outer } : { unit }, () => method.apply(this, args));
  };
  return disguise(wrapped, method);
}

/** What comes from outside may be anything. */
function tokensFor(text: unknown): UnitOrigin['tokens'] {
  return typeof text === 'string' ? { cluster: DEFAULT_CLUSTER, text } : undefined;
}

function ownerOf(self: unknown): { name: string } {
  if (typeof self === 'function') return self; // a static method
  return (self as object | undefined)?.constructor ?? Object;
}

/** Other decorators, and Nest, see no difference: name, number of parameters, metadata of the decorators below. */
export function disguise(wrapped: Method, method: Method): Method {
  for (const key of Reflect.getMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), wrapped);
  }
  const { name, length } = method;
  return Object.defineProperties(wrapped, {
    name: { value: name, configurable: true },
    length: { value: length, configurable: true },
  });
}

/** A prototype's properties, inherited ones included. */
export function descriptorsOf(prototype: object): Map<string, PropertyDescriptor> {
  const parent = Object.getPrototypeOf(prototype) as object | null;
  const inherited = parent && parent !== Object.prototype ? descriptorsOf(parent) : [];
  return new Map([...inherited, ...Object.entries(Object.getOwnPropertyDescriptors(prototype))]);
}
