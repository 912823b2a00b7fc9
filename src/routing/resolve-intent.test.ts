import { describe, it, expect } from '@jest/globals';
import {
  intentOfQuery,
  intentOfUnit,
  resolveIntent,
  type IntentInput,
  type UnitFacts,
} from './resolve-intent.js';
import type { Intent, IntentReason } from './route.js';

const READ: UnitFacts = { isReadMethod: true };
const WRITE: UnitFacts = { isReadMethod: false };
const QUIET = { wrote: false, promoted: false };

interface Row extends Partial<IntentInput> {
  readonly title: string;
  readonly kind: UnitFacts;
  readonly gives: readonly [Intent, IntentReason, boolean?];
}

const ROWS: readonly Row[] = [
  { title: 'a GET reads a replica', kind: READ, gives: ['replica', 'read-method'] },
  { title: 'a POST uses the primary', kind: WRITE, gives: ['primary', 'write-method'] },
  {
    title: 'a GraphQL query reads a replica',
    kind: { operation: 'query' },
    gives: ['replica', 'read-operation'],
  },
  {
    title: 'a GraphQL mutation uses the primary',
    kind: { operation: 'mutation' },
    gives: ['primary', 'write-operation'],
  },
  {
    title: 'a GraphQL subscription uses the primary',
    kind: { operation: 'subscription' },
    gives: ['primary', 'write-operation'],
  },
  {
    title: 'RPC, WebSocket, cron use the primary',
    kind: {},
    gives: ['primary', 'outside-unit'],
  },
  { title: 'outside a unit: the primary', kind: {}, gives: ['primary', 'outside-unit'] },

  { title: 'a rule beats the method', kind: READ, rule: 'primary', gives: ['primary', 'rule'] },
  { title: 'a rule beats the method, both ways', kind: WRITE, rule: 'replica', gives: ['replica', 'rule'] },
  {
    title: 'a controller beats a rule',
    kind: READ,
    rule: 'replica',
    controller: { changesDatabase: true },
    gives: ['primary', 'changes-database'],
  },
  {
    title: 'a handler beats its controller',
    kind: WRITE,
    controller: { changesDatabase: true },
    handler: { useSlave: true },
    gives: ['replica', 'use-slave', false],
  },
  {
    title: 'a handler beats its controller, both ways',
    kind: READ,
    controller: { useSlave: true },
    handler: { changesDatabase: true },
    gives: ['primary', 'changes-database'],
  },
  {
    title: 'with both decorators, @ChangesDatabase() wins',
    kind: READ,
    handler: { changesDatabase: true, useSlave: true },
    gives: ['primary', 'changes-database'],
  },
  {
    title: 'an undecorated handler leaves it to its controller',
    kind: WRITE,
    handler: { changesDatabase: false, useSlave: false },
    controller: { useSlave: { ownWrites: false } },
    gives: ['replica', 'use-slave', false],
  },
  {
    title: '@UseSlave({ ownWrites: true }) respects tokens',
    kind: WRITE,
    handler: { useSlave: { ownWrites: true } },
    gives: ['replica', 'use-slave', true],
  },
  {
    title: 'a decorator works outside HTTP as well',
    kind: {},
    handler: { useSlave: true },
    gives: ['replica', 'use-slave', false],
  },

  {
    title: 'a promoted handler uses the primary, whatever its decorator says',
    kind: READ,
    handler: { useSlave: true },
    promoted: true,
    gives: ['primary', 'promoted'],
  },
  {
    title: 'a unit that wrote reads the primary, whatever its decorator says',
    kind: READ,
    handler: { useSlave: true },
    wrote: true,
    gives: ['primary', 'wrote-earlier'],
  },
  {
    title: 'having written is said before being promoted',
    kind: READ,
    wrote: true,
    promoted: true,
    gives: ['primary', 'wrote-earlier'],
  },
  {
    title: 'an explicit replica beats having written, and respects tokens',
    kind: WRITE,
    handler: { changesDatabase: true },
    wrote: true,
    promoted: true,
    explicit: 'replica',
    gives: ['replica', 'explicit', true],
  },
  {
    title: 'an explicit primary beats a read method',
    kind: READ,
    explicit: 'primary',
    gives: ['primary', 'explicit'],
  },
  {
    title: 'a transaction of the primary beats an explicit replica',
    kind: READ,
    explicit: 'replica',
    inTransaction: 'primary',
    gives: ['primary', 'in-transaction'],
  },
  {
    title: 'a transaction of a replica beats everything',
    kind: WRITE,
    handler: { changesDatabase: true },
    wrote: true,
    explicit: 'primary',
    inTransaction: 'replica',
    gives: ['replica', 'in-transaction'],
  },
];

describe('the intent of a query', () => {
  it.each(ROWS)('$title', ({ gives: [intent, reason, ownWrites = true], kind, ...input }) => {
    expect(resolveIntent({ ...QUIET, ...kind, ...input })).toEqual({ intent, reason, ownWrites });
  });

  it('keeps to the replicas that its handler asks for, in blocks and views as well', () => {
    const placed = { ownWrites: false, group: 'reports', maxLagMs: 5_000 };
    const handler = { useSlave: placed };
    expect(resolveIntent({ ...QUIET, handler })).toEqual({
      intent: 'replica',
      reason: 'use-slave',
      ...placed,
    });
    expect(resolveIntent({ ...QUIET, handler, explicit: 'replica' })).toEqual({
      ...placed,
      intent: 'replica',
      reason: 'explicit',
      ownWrites: true,
    });
    expect(resolveIntent({ ...QUIET, handler, explicit: 'primary' })).not.toMatchObject({ group: 'reports' });
    expect(resolveIntent({ ...QUIET, handler, wrote: true })).not.toMatchObject({ group: 'reports' });
  });

  it('is the same when the part of the unit is asked once', () => {
    const ofUnit = intentOfUnit({ ...READ, controller: { useSlave: true } });
    expect(intentOfQuery(QUIET, ofUnit)).toBe(ofUnit);
    expect(intentOfQuery({ ...QUIET, wrote: true }, ofUnit).reason).toBe('wrote-earlier');
  });
});
