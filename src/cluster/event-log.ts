import type { Clock } from './clock.js';
import type { ClusterEmitter, ClusterEventName, ClusterEvents } from './cluster-events.js';

/** What the log is written with; Nest's `Logger` is one. */
export interface EventLogger {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

type Level = keyof EventLogger;
type Lines = {
  readonly [Name in ClusterEventName]: readonly [Level, (payload: ClusterEvents[Name]) => string];
};

const because = (detail: string | undefined): string => (detail ? `: ${detail}` : '');

const LINES: Lines = {
  replicaEjected: [
    'warn',
    (e) => `Replica "${e.node}" is not used any more (${e.state})${because(e.detail)}.`,
  ],
  replicaRecovered: ['log', (e) => `Replica "${e.node}" is in use.`],
  replicaDegraded: [
    'warn',
    (e) => `Replica "${e.node}" is used only while no better one exists (${e.state})${because(e.detail)}.`,
  ],
  primaryLost: [
    'error',
    (e) =>
      `Primary "${e.node}" cannot be written (${e.state})${because(e.detail)}. Writes fail at once; replicas serve reads.`,
  ],
  primaryRecovered: ['log', (e) => `Primary "${e.node}" is back.`],
  primaryChanged: [
    'warn',
    (e) => `Writes go to "${e.to}" now, not to "${e.from}" (timeline ${e.timeline ?? 'unknown'}).`,
  ],
  replicaAdded: ['log', (e) => `Replica "${e.node}" was added.`],
  replicaRemoved: ['log', (e) => `Replica "${e.node}" was removed.`],
  wroteUnderReplicaIntent: [
    'warn',
    (e) =>
      e.what === 'promoted'
        ? `${e.handler} wrote under replica intent and was moved to the primary, where it goes at once from now on. Mark it with @ChangesDatabase().`
        : `${e.handler} writes under replica intent: outside of observe mode this would be refused. Mark it with @ChangesDatabase().`,
  ],
  lateWrite: [
    'warn',
    (e) =>
      `${e.handler} wrote after its response was sent, so its client has no token for it and may not see it yet. Await the write before responding.`,
  ],
  promiseWeakened: ['warn', (e) => `${e.node ? `"${e.node}": ` : ''}${e.detail}`],
};

const QUIET_MS = 10_000;

/** Logs every change once, and a node that comes and goes at most once per 10 s and kind of event. */
export function logEvents(emitter: ClusterEmitter, logger: EventLogger, clock: Clock): void {
  const loggedAtMs = new Map<string, number>();
  const listen = <Name extends ClusterEventName>(name: Name): void => {
    const [level, line] = LINES[name];
    emitter.on(name, (payload) => {
      const key = `${name} ${'node' in payload ? payload.node : ''}`;
      const isRepeated = clock.now() - (loggedAtMs.get(key) ?? -Infinity) < QUIET_MS;
      if ('node' in payload && name !== 'promiseWeakened' && isRepeated) return;
      loggedAtMs.set(key, clock.now());
      logger[level](line(payload));
    });
  };
  for (const name of Object.keys(LINES) as ClusterEventName[]) listen(name);
}
