import type { QueryRunner } from 'typeorm';
import type { QueryRunnerMethods } from './internals.js';
import { whenOver } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';
import { QuerySession, type StartTransaction } from './query-session.js';
import type { SessionTerms } from './session-intent.js';

const KEY = Symbol.for('nestjs-replicated.session');

type Routed = QueryRunnerMethods & { [KEY]: QuerySession };

/** Puts a session in front of a fresh runner. */
export function attachSession(runner: QueryRunner, terms: SessionTerms, cluster: RoutedCluster): QueryRunner {
  const routed = runner as QueryRunnerMethods as Routed;
  routed[KEY] = new QuerySession(runner, terms, cluster);
  routed.connect = connect;
  routed.query = query;
  routed.stream = stream;
  routed.release = release;
  routed.startTransaction = startTransaction;
  return runner;
}

/** The session of a routed query runner; `undefined` for runners that this library does not route. */
export function sessionOf(runner: QueryRunner | undefined): QuerySession | undefined {
  return (runner as Partial<Routed> | undefined)?.[KEY];
}

// The same for all runners: closures of each would be made, and warmed up, for every query.

function connect(this: Routed): Promise<unknown> {
  return this[KEY].connect();
}

function query(
  this: Routed,
  ...[sql, parameters, useStructuredResult]: Parameters<QueryRunnerMethods['query']>
): Promise<unknown> {
  return this[KEY].query(sql, parameters, useStructuredResult);
}

async function stream(
  this: Routed,
  ...[sql, parameters, onEnd, onError]: Parameters<QueryRunnerMethods['stream']>
): ReturnType<QueryRunnerMethods['stream']> {
  return whenOver(await this[KEY].stream(sql, parameters), { onEnd, onError });
}

function release(this: Routed): Promise<void> {
  return this[KEY].release();
}

function startTransaction(this: Routed, ...args: StartTransaction): Promise<void> {
  return this[KEY].startTransaction(...args);
}
