export type Method<Self> = (this: Self, ...args: unknown[]) => unknown;

/** What stands around a method: gets the object, the method as its parent class has it, and the arguments. */
export type Around<Self> = (self: Self, inherited: Method<Self>, args: unknown[]) => unknown;

/**
 * Puts `around` in front of the method that a class inherits, if its parent has it: versions of TypeORM differ. Its overloads
 * say nothing that matters here, all arguments are passed on as they are. The inherited method is looked up with every call,
 * since other libraries put methods of their own into TypeORM's prototypes.
 */
export function overrideMethod<Self extends object>(
  subclass: { readonly prototype: Self },
  name: string,
  around: Around<Self>,
): void {
  const methods = Object.getPrototypeOf(subclass.prototype) as Record<string, Method<Self>>;
  if (!methods[name]) return;
  Object.defineProperty(subclass.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Self, ...args: unknown[]): unknown {
      return around(this, methods[name] as Method<Self>, args);
    },
  });
}
