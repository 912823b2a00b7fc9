import type { GraphQLResolveInfo } from 'graphql';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import { UnitOfWork, type HandlerMarks, type UnitOrigin } from '../context/unit-of-work.js';

/**
 * The units of work of operations, inside that of their request. One request may bring a batch of operations, and they
 * run side by side.
 */
export class OperationUnits {
  // By the one object that graphql-js, and graphql-jit, make for every execution: a document is cached, and a
  // context may be shared.
  private readonly operations = new WeakMap<object, UnitOfWork>();

  /** A unit for one field of an operation: writes and replica are the operation's, decorators are its own. */
  scopeFor(info: GraphQLResolveInfo, marks: HandlerMarks): Scope {
    const outer = storage.getStore();
    let operation = this.operations.get(info.variableValues);
    if (!operation) {
      operation = new UnitOfWork(originOf(info, outer?.unit), outer?.unit);
      this.operations.set(info.variableValues, operation);
    }
    const unit = new UnitOfWork(operation.origin, operation);
    unit.marks = marks;
    return outer ? { unit, outer } : { unit };
  }
}

/** Over a socket no token travels with an operation, so even a query cannot know what its client has written. */
function originOf({ operation }: GraphQLResolveInfo, around: UnitOfWork | undefined): UnitOrigin {
  const request = around?.request;
  if (!request) return { kind: 'operation' };
  return { kind: 'operation', operation: operation.operation, method: request.method, path: request.path };
}
