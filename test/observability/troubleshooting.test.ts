import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import {
  ClusterEmitter,
  type ClusterEventName,
  type ClusterEvents,
} from '../../src/cluster/events/cluster-events.js';
import { EventLog } from '../../src/cluster/events/event-log.js';
import {
  InvalidOptionsError,
  NoReplicaAvailableError,
  PrimaryUnavailableError,
  ReplicaWriteError,
  SessionSetUpError,
  UsageError,
  type NodeState,
  type Reason,
} from 'nestjs-replicated';
import { FakeClock } from '../support/fake-clock.js';

const ERRORS = [
  new InvalidOptionsError([{ path: 'type', message: 'missing.' }]),
  new ReplicaWriteError({ statement: 'save' }),
  new NoReplicaAvailableError('No replica.'),
  new PrimaryUnavailableError('No primary.'),
  new SessionSetUpError('No tenant.'),
  new UsageError('Wrong.'),
];

const [node, handler] = ['replica-1', 'PostsController.visit'];
const unreachable = { state: 'unreachable', detail: 'ECONNREFUSED' } as const;
/** Of every event all that it may say: the compiler misses none. */
const EVENTS: { readonly [Name in ClusterEventName]: readonly ClusterEvents[Name][] } = {
  replicaEjected: [{ node, ...unreachable }],
  replicaRecovered: [{ node }],
  replicaDegraded: [{ node, state: 'lagging', detail: 'replay is 12 s behind' }],
  primaryLost: [{ node: 'primary', ...unreachable }],
  primaryRecovered: [{ node: 'primary' }],
  primaryChanged: [{ from: 'primary', to: node, timeline: 2 }],
  replicaAdded: [{ node }],
  replicaRemoved: [{ node }],
  routingChanged: [{ mode: 'route', share: 0.05 }],
  wroteUnderReplicaIntent: (['refused', 'promoted', 'observed', 'possible', 'afterwards'] as const).map(
    (what) => ({ handler, what }),
  ),
  lateWrite: [{ handler }],
  guaranteeBroken: [
    { node, handler, required: '0/3000060', found: '0/3000000' },
    { node, handler: undefined, required: '0-1-7', found: '0-1-6' },
  ],
  promiseWeakened: [{ node: undefined, detail: 'A carrier of tokens failed' }],
};

const REASONS: Record<Reason, true> = {
  'recovery-conflict': true,
  'in-transaction': true,
  explicit: true,
  'wrote-earlier': true,
  promoted: true,
  'changes-database': true,
  'use-slave': true,
  rule: true,
  'read-method': true,
  'write-method': true,
  'read-operation': true,
  'write-operation': true,
  'outside-unit': true,
  'mode-observe': true,
  'mode-primary-only': true,
  'outside-share': true,
  'behind-schema': true,
  'no-replicas': true,
  'client-wrote-recently': true,
  'foreign-token': true,
  'unread-token': true,
  'after-failover': true,
  'carrier-failed': true,
  'level-primary': true,
  'behind-start': true,
  'empty-answer': true,
  'no-usable-replica': true,
  'too-stale': true,
  'behind-token': true,
};

const STATES: Record<NodeState, true> = {
  connecting: true,
  usable: true,
  lagging: true,
  stale: true,
  suspect: true,
  unreachable: true,
  misconfigured: true,
  'is-primary': true,
  'is-replica': true,
  draining: true,
};

describe('docs/troubleshooting.md', () => {
  let docs: string;
  let sections: ReadonlyMap<string, string>;
  beforeAll(async () => {
    docs = await readFile(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
    const found = [...docs.matchAll(/^### (\S+)\n([^]*?)(?=^##|$(?![^]))/gm)];
    sections = new Map(found.map(([, title = '', text = '']) => [title.toLowerCase(), text]));
    expect(sections.size).toBe(found.length);
  });

  /** What a message points at. */
  const anchorIn = (message: string): string | undefined =>
    /\(https:\/\/\S+\/docs\/troubleshooting\.md#([\w-]+)\)$/.exec(message)?.[1];

  it.each(ERRORS.map((error) => [error.code, error] as const))(
    'has %s, to which its message links',
    (code, error) => {
      expect(anchorIn(error.message)).toBe(code.toLowerCase());
      expect(sections.get(code.toLowerCase())).toMatch(/\*\*Cause.*\*\*/);
    },
  );

  it.each(Object.keys(EVENTS) as ClusterEventName[])('has %s with its line, which links to it', (name) => {
    for (const payload of EVENTS[name]) {
      const lines: { readonly level: string; readonly text: string }[] = [];
      const write = (level: string) => (text: string) => void lines.push({ level, text });
      const emitter = new ClusterEmitter(() => undefined);
      const log = new EventLog(
        emitter,
        { log: write('log'), warn: write('warn'), error: write('error') },
        new FakeClock(),
      );
      emitter.emit(name, payload as never);
      log.close();
      const [{ level, text } = { level: '', text: '' }] = lines;
      if (level !== 'log') expect(anchorIn(text)).toBe(name.toLowerCase());
      const quoted = /^> (.+)$/gm;
      const quotes = [...(sections.get(name.toLowerCase()) ?? '').matchAll(quoted)].map(
        ([, quote = '']) => quote,
      );
      if (name === 'promiseWeakened')
        expect(sections.get(name.toLowerCase())).toContain('A carrier of tokens failed');
      else
        expect({ text, isQuoted: quotes.some((quote) => text.startsWith(quote)) }).toEqual({
          text,
          isQuoted: true,
        });
    }
  });

  it.each([...Object.keys(REASONS), ...Object.keys(STATES)])('has %s', (name) => {
    expect(sections.get(name)?.trim()).toMatch(/\w/);
  });

  it('links to sections that are there', () => {
    const titles = new Set(
      [...docs.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-')),
    );
    const links = [...docs.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(links.filter((anchor) => !titles.has(anchor))).toEqual([]);
  });
});
