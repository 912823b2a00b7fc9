import type { Clock, Delay } from '../../clock.js';
import { seeDocs } from '../../errors.js';
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
  routingChanged: ['log', (e) => `Routing has changed: mode '${e.mode}', share ${e.share}.`],
  wroteUnderReplicaIntent: ['warn', (e) => `${e.handler} ${WROTE[e.what]}`],
  lateWrite: [
    'warn',
    (e) =>
      `${e.handler} wrote after its response was sent, so its client has no token for it and may not see it yet. Await the write before responding.`,
  ],
  guaranteeBroken: [
    'error',
    (e) =>
      `Replica "${e.node}" was said to have what the client${e.handler ? ` of ${e.handler}` : ''} has written, and had not: ${e.required} is beyond its ${e.found}. The read was served elsewhere.`,
  ],
  promiseWeakened: ['warn', (e) => `${e.node ? `"${e.node}": ` : ''}${e.detail}`],
};

const WROTE: Readonly<Record<ClusterEvents['wroteUnderReplicaIntent']['what'], string>> = {
  refused:
    'wrote under replica intent, which is refused. Mark it with @ChangesDatabase(); wrap counters, last-seen times and logs in ConnectionSelector.outside(). ' +
    'If it writes nothing itself, a queue or a timer may have lent its context to a job of others: bind that with ConnectionSelector.bind(). ' +
    'Await what may be refused: in an async function that nobody awaits, the error ends the process.',
  promoted:
    'wrote under replica intent and was moved to the primary, where it goes at once from now on. Mark it with @ChangesDatabase().',
  observed:
    'writes under replica intent: outside of observe mode this would be refused. Mark it with @ChangesDatabase().',
  possible:
    'takes a lock or a number of a sequence under replica intent: outside of observe mode this would be refused. Mark it with @ChangesDatabase().',
  afterwards:
    'has ended, and something that began later in its context, such as an interceptor or an exception filter, wrote on the primary.',
};

// What a node that fails and returns emits again and again.
const OF_HEALTH: ReadonlySet<ClusterEventName> = new Set([
  'replicaEjected',
  'replicaRecovered',
  'replicaDegraded',
  'primaryLost',
  'primaryRecovered',
]);
const QUIET_MS = 10_000;

interface Line {
  readonly level: Level;
  readonly text: string;
}

/** A node whose health was logged a short while ago. */
interface Quiet {
  readonly logged: Line;
  readonly end: Delay;
  latest: Line;
}

/**
 * Logs every change once, and the health of a node at most once per 10 s: of what happens meanwhile, the last, so that
 * the log does not end with something that is no longer true.
 */
export class EventLog {
  private readonly quiet = new Map<string, Quiet>();
  private readonly subscriptions: readonly (() => void)[];

  constructor(
    emitter: ClusterEmitter,
    private readonly logger: EventLogger,
    private readonly clock: Clock,
  ) {
    const names = Object.keys(LINES) as ClusterEventName[];
    this.subscriptions = names.map((name) => this.listen(emitter, name));
  }

  /** Logs nothing more, and leaves no timer. */
  close(): void {
    for (const unsubscribe of this.subscriptions) unsubscribe();
    for (const { end } of this.quiet.values()) end.cancel();
    this.quiet.clear();
  }

  private listen<Name extends ClusterEventName>(emitter: ClusterEmitter, name: Name): () => void {
    const [level, textOf] = LINES[name];
    return emitter.on(name, (payload) => {
      const text = textOf(payload);
      const line = { level, text: level === 'log' ? text : `${text} ${seeDocs(name)}` };
      if (OF_HEALTH.has(name) && 'node' in payload) this.logHealth(String(payload.node), line);
      else if (name === 'guaranteeBroken' && 'node' in payload)
        this.logHealth(`${name} ${String(payload.node)}`, line);
      else this.write(line);
    });
  }

  private logHealth(node: string, line: Line): void {
    const quiet = this.quiet.get(node);
    if (quiet) {
      quiet.latest = line;
      return;
    }
    this.write(line);
    const entry: Quiet = { logged: line, latest: line, end: this.clock.delay(QUIET_MS) };
    this.quiet.set(node, entry);
    void entry.end.done.then(() => this.endQuiet(node, entry));
  }

  private endQuiet(node: string, entry: Quiet): void {
    if (this.quiet.get(node) !== entry) return; // closed
    this.quiet.delete(node);
    if (entry.latest.text !== entry.logged.text) this.logHealth(node, entry.latest);
  }

  private write({ level, text }: Line): void {
    this.logger[level](text);
  }
}
