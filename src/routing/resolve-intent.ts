import type { Intent, IntentChoice, IntentReason, Role } from './route.js';

/** What a client's tokens are for. */
export type ConsistencyLevel = 'session' | 'eventual' | 'primary';

/** What the decorators of a handler, or of a controller class, say. */
export interface HandlerMark {
  /** `@ChangesDatabase()` */
  readonly changesDatabase?: boolean | undefined;
  /** `@UseSlave()`; an object for `@UseSlave({ ownWrites })`. */
  readonly useSlave?: boolean | { readonly ownWrites: boolean } | undefined;
  /** `@Consistency(level)` */
  readonly consistency?: ConsistencyLevel | undefined;
}

/** What kind of work it is. `'other'`: RPC, WebSocket, cron, `run`. `'none'`: outside a unit of work. */
export type UnitKind =
  | { readonly type: 'http'; readonly isReadMethod: boolean }
  | { readonly type: 'operation'; readonly operation: 'query' | 'mutation' | 'subscription' }
  | { readonly type: 'other' }
  | { readonly type: 'none' };

/** What stays the same during a unit of work. */
export interface UnitFacts {
  readonly handler?: HandlerMark | undefined;
  readonly controller?: HandlerMark | undefined;
  /** What `routing.rules` say. */
  readonly rule?: Intent | undefined;
  readonly kind: UnitKind;
}

/** What may change from one query of a unit to the next. */
export interface QueryFacts {
  /** The role of the transaction's connection, when the query is made inside one. */
  readonly inTransaction?: Role | undefined;
  /** An explicit block or view in code. */
  readonly explicit?: Intent | undefined;
  /** The unit has written on this cluster. */
  readonly wrote: boolean;
  /** The unit, or earlier ones of the same handler, wrote under a replica intent (`onReplicaWrite: 'promote'`). */
  readonly promoted: boolean;
}

/** Everything the intent of one query depends on. */
export interface IntentInput extends UnitFacts, QueryFacts {}

/** The intent of one query, by the documented order of precedence. */
export function resolveIntent(input: IntentInput): IntentChoice {
  return intentOfQuery(input, intentOfUnit(input));
}

/** The part that is asked for every query; `ofUnit` is what {@link intentOfUnit} answered once. */
export function intentOfQuery(query: QueryFacts, ofUnit: IntentChoice): IntentChoice {
  if (query.inTransaction !== undefined) return IN_TRANSACTION[query.inTransaction];
  if (query.explicit !== undefined) return EXPLICIT[query.explicit];
  if (query.wrote) return WROTE_EARLIER;
  if (query.promoted) return PROMOTED;
  return ofUnit;
}

/** The part that a unit of work asks once: decorators, rules, kind. */
export function intentOfUnit(unit: UnitFacts): IntentChoice {
  return (
    intentOfMark(unit.handler) ??
    intentOfMark(unit.controller) ??
    (unit.rule === undefined ? intentOfKind(unit.kind) : RULE[unit.rule])
  );
}

function intentOfMark(mark: HandlerMark | undefined): IntentChoice | undefined {
  if (!mark) return undefined;
  if (mark.changesDatabase) return CHANGES_DATABASE;
  if (!mark.useSlave) return undefined;
  return mark.useSlave !== true && mark.useSlave.ownWrites ? USE_SLAVE_OWN_WRITES : USE_SLAVE;
}

function intentOfKind(kind: UnitKind): IntentChoice {
  switch (kind.type) {
    case 'http':
      return kind.isReadMethod ? READ_METHOD : WRITE_METHOD;
    case 'operation':
      return kind.operation === 'query' ? READ_OPERATION : WRITE_OPERATION;
    case 'other':
    case 'none':
      return OUTSIDE_UNIT;
    default:
      return kind satisfies never;
  }
}

// Made once, so that asking allocates nothing.
const IN_TRANSACTION = byIntent('in-transaction');
const EXPLICIT = byIntent('explicit');
const RULE = byIntent('rule');
const WROTE_EARLIER = choose('primary', 'wrote-earlier');
const PROMOTED = choose('primary', 'promoted');
const CHANGES_DATABASE = choose('primary', 'changes-database');
const USE_SLAVE = choose('replica', 'use-slave', false);
const USE_SLAVE_OWN_WRITES = choose('replica', 'use-slave');
const READ_METHOD = choose('replica', 'read-method');
const WRITE_METHOD = choose('primary', 'write-method');
const READ_OPERATION = choose('replica', 'read-operation');
const WRITE_OPERATION = choose('primary', 'write-operation');
const OUTSIDE_UNIT = choose('primary', 'outside-unit');

function choose(intent: Intent, reason: IntentReason, ownWrites = true): IntentChoice {
  return Object.freeze({ intent, reason, ownWrites });
}

function byIntent(reason: IntentReason): Readonly<Record<Intent, IntentChoice>> {
  return Object.freeze({ primary: choose('primary', reason), replica: choose('replica', reason) });
}
