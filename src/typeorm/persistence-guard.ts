import type { QueryRunner } from 'typeorm';
import type { BroadcastingRunner } from './internals.js';
import { prepareToWrite } from './session-recovery.js';
import { SESSION, type QuerySession, type RoutedRunner } from './session-state.js';

/**
 * For managers that TypeORM or the application has made itself (`new EntityManager(dataSource)`), which are no guarded ones:
 * before what is stored is compared with what shall be, which a replica that is behind may answer so that nothing is written.
 */
export function refusePersistence(runner: QueryRunner): void {
  const session = (runner as Partial<RoutedRunner>)[SESSION];
  if (session?.isReading) prepareToWrite(session, 'save() or remove()');
}

/** In a transaction that reads, writes are refused before listeners and subscribers hear of them. */
export function guardEvents(session: QuerySession): void {
  const runner = session.runner as unknown as BroadcastingRunner;
  const guarded = Object.create(runner.broadcaster) as BroadcastingRunner['broadcaster'];
  for (const [name, statement] of Object.entries(STATEMENTS)) {
    const tell = runner.broadcaster[name];
    if (!tell) continue;
    guarded[name] = (...about) => {
      prepareToWrite(session, statement);
      tell.apply(runner.broadcaster, about);
    };
  }
  runner.broadcaster = guarded;
}

const STATEMENTS = {
  broadcastBeforeInsertEvent: 'INSERT',
  broadcastBeforeUpdateEvent: 'UPDATE',
  broadcastBeforeRemoveEvent: 'DELETE',
  broadcastBeforeSoftRemoveEvent: 'UPDATE',
  broadcastBeforeRecoverEvent: 'UPDATE',
};
