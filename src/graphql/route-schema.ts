import type { GraphQLField, GraphQLFieldResolver, GraphQLNamedType, GraphQLSchema } from 'graphql';
import type { Scope } from '../context/scope.js';
import { storage } from '../context/storage.js';
import type { HandlerMarks } from '../context/unit-of-work.js';
import { untilEnd } from '../context/until-end.js';
import { OperationUnits } from './operation-units.js';

type Resolver = GraphQLFieldResolver<unknown, unknown>;
type Field = GraphQLField<unknown, unknown>;

/**
 * Makes every resolver of a schema run as a unit of work of its operation. The schema is what all drivers share: it is
 * executed alike over GET and POST, in batches and over sockets, and its resolvers have Nest's guards, pipes and
 * interceptors inside. No hook of Apollo Server or Mercurius runs around the execution, so none could do it.
 */
export function routeSchema(schema: GraphQLSchema): void {
  const units = new OperationUnits();
  for (const type of Object.values(schema.getTypeMap())) {
    for (const field of fieldsOf(type)) {
      const marks = { name: `${type.name}.${field.name}`, handler: undefined, controller: undefined };
      if (field.resolve) field.resolve = inOperation(field.resolve, units, marks);
      if (field.subscribe) field.subscribe = inOperation(field.subscribe, units, marks);
    }
  }
}

/** Of object types, without those of introspection. */
function fieldsOf(type: GraphQLNamedType): readonly Field[] {
  if (type.name.startsWith('__') || !('getInterfaces' in type)) return [];
  return Object.values(type.getFields());
}

/** One unit per field and operation, not one per row: all rows of a list are read from one replica. */
function inOperation(resolve: Resolver, units: OperationUnits, marks: HandlerMarks): Resolver {
  const scopes = new WeakMap<object, Scope>();
  return (...call) => {
    const [, , , info] = call;
    let scope = scopes.get(info.variableValues);
    if (!scope) scopes.set(info.variableValues, (scope = units.scopeFor(info, marks)));
    const { unit } = scope;
    if (unit.request) return storage.run(scope, resolve, ...call);
    // Over a socket there is no response whose head says that the operation has ended.
    return untilEnd(
      () => storage.run(scope, resolve, ...call),
      () => unit.end(),
    );
  };
}
