import type { QueryRunner } from 'typeorm';
import { whenOver } from './repeatable-stream.js';
import type { RoutedCluster } from './routed-cluster.js';
import { RunnerSession, type SessionTerms, type StartTransaction } from './runner-session.js';

const KEY = Symbol.for('nestjs-replicated.session');

type QueryArguments = [sql: string, parameters?: unknown[], useStructuredResult?: boolean];
type StreamArguments = [
  sql: string,
  parameters?: unknown[],
  onEnd?: () => void,
  onError?: (error: Error) => void,
];

/** Puts a session in front of a fresh runner. */
export function attachSession(runner: QueryRunner, terms: SessionTerms, cluster: RoutedCluster): QueryRunner {
  const session = new RunnerSession(runner, terms, cluster);
  return Object.assign(runner, {
    [KEY]: session,
    connect: () => session.connect(),
    query: (...args: QueryArguments) => session.query(...args),
    stream: async (...[sql, parameters, onEnd, onError]: StreamArguments) =>
      whenOver(await session.stream(sql, parameters), { onEnd, onError }),
    release: () => session.release(),
    startTransaction: (...args: StartTransaction) => session.startTransaction(...args),
  });
}

/** The session of a routed query runner; `undefined` for runners that this library does not route. */
export function sessionOf(runner: QueryRunner | undefined): RunnerSession | undefined {
  return (runner as { [KEY]?: RunnerSession } | undefined)?.[KEY];
}
