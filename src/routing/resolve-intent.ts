import type { Intent, IntentChoice, IntentReason, Role } from './route.js';

/** What a client's tokens are for. */
export type ConsistencyLevel = 'session' | 'eventual' | 'primary';

/** What `@UseSlave({ ... })` demands of the replica that reads. */
export interface UseSlaveMark extends Pick<IntentChoice, 'ownWrites' | 'group' | 'maxLagMs'> {}

/** What the decorators of a handler, or of a controller class, say. */
export interface HandlerMark {
  /** `@ChangesDatabase()` */
  readonly changesDatabase?: boolean | undefined;
  /** `@UseSlave()`, with what it demands of the replica. */
  readonly useSlave?: UseSlaveMark | boolean | undefined;
  /** `@Consistency(level)` */
  readonly consistency?: ConsistencyLevel | undefined;
}

/** What stays the same during a unit of work. */
export interface UnitFacts {
  readonly handler?: HandlerMark | undefined;
  readonly controller?: HandlerMark | undefined;
  /** What `routing.rules` say. */
  readonly rule?: Intent | undefined;
  /** Of GraphQL. */
  readonly operation?: 'query' | 'mutation' | 'subscription' | undefined;
  /** Of HTTP: whether its method is one of `routing.readMethods`. */
  readonly isReadMethod?: boolean | undefined;
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

/** The intent of one query: of the seven rules of precedence, the first that holds. */
export function resolveIntent(input: IntentInput): IntentChoice {
  return intentOfQuery(input, intentOfUnit(input));
}

/** Rules 1 to 3, asked for every query; `ofUnit` is what {@link intentOfUnit} answered once. */
export function intentOfQuery(query: QueryFacts, ofUnit: IntentChoice): IntentChoice {
  // 1. A transaction keeps its connection.
  if (query.inTransaction !== undefined) return IN_TRANSACTION[query.inTransaction];
  // 2. Code says so.
  if (query.explicit !== undefined) return explicitly(query.explicit, ofUnit);
  // 3. What follows on a write sees it.
  if (query.wrote) return WROTE_EARLIER;
  return query.promoted ? PROMOTED : ofUnit;
}

/** Rules 4 to 7, asked once per unit of work. */
export function intentOfUnit(unit: UnitFacts): IntentChoice {
  const { handler, controller, rule, operation, isReadMethod } = unit;
  // 4. The handler's decorators. 5. Its controller's.
  const marked = (handler && intentOfMark(handler)) ?? (controller && intentOfMark(controller));
  if (marked) return marked;
  // 6. A rule for its path.
  if (rule !== undefined) return RULE[rule];
  // 7. What kind of work it is.
  if (operation !== undefined) return operation === 'query' ? READ_OPERATION : WRITE_OPERATION;
  if (isReadMethod === undefined) return OUTSIDE_UNIT;
  return isReadMethod ? READ_METHOD : WRITE_METHOD;
}

function intentOfMark(mark: HandlerMark): IntentChoice | undefined {
  if (mark.changesDatabase) return CHANGES_DATABASE;
  const { useSlave } = mark;
  if (!useSlave) return undefined;
  return useSlave === true ? USE_SLAVE : { ...USE_SLAVE, ...useSlave };
}

/** A block or view says the role; which replicas may read for the unit, its handler says. */
function explicitly(intent: Intent, { group, maxLagMs }: IntentChoice): IntentChoice {
  const choice = EXPLICIT[intent];
  const isPlaced = intent === 'replica' && (group !== undefined || maxLagMs !== undefined);
  return isPlaced ? { ...choice, group, maxLagMs } : choice;
}

// Made once, so that asking allocates nothing.
const IN_TRANSACTION = byIntent('in-transaction');
const EXPLICIT = byIntent('explicit');
const RULE = byIntent('rule');
const WROTE_EARLIER = choose('primary', 'wrote-earlier');
export const PROMOTED = choose('primary', 'promoted');
const CHANGES_DATABASE = choose('primary', 'changes-database');
const USE_SLAVE = choose('replica', 'use-slave', false);
const READ_METHOD = choose('replica', 'read-method');
const WRITE_METHOD = choose('primary', 'write-method');
const READ_OPERATION = choose('replica', 'read-operation');
const WRITE_OPERATION = choose('primary', 'write-operation');
/** Nothing says more: messages, cron, scripts, start-up. */
export const OUTSIDE_UNIT = choose('primary', 'outside-unit');

function choose(intent: Intent, reason: IntentReason, ownWrites = true): IntentChoice {
  return Object.freeze({ intent, reason, ownWrites, group: undefined, maxLagMs: undefined });
}

function byIntent(reason: IntentReason): Readonly<Record<Intent, IntentChoice>> {
  return Object.freeze({ primary: choose('primary', reason), replica: choose('replica', reason) });
}
