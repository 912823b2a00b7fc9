import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/fake-clock.js';
import { ClusterEmitter } from './cluster-events.js';
import { EventLog } from './event-log.js';

describe('the log of events', () => {
  let clock: FakeClock;
  let emitter: ClusterEmitter;
  let lines: string[];
  let log: EventLog;
  beforeEach(() => {
    clock = new FakeClock();
    emitter = new ClusterEmitter((_, error) => {
      throw error;
    });
    lines = [];
    const write = (text: string) => lines.push(text);
    log = new EventLog(emitter, { log: write, warn: write, error: write }, clock);
  });
  const ejected = (node: string) =>
    emitter.emit('replicaEjected', { node, state: 'unreachable', detail: 'ECONNREFUSED' });
  const recovered = (node: string) => emitter.emit('replicaRecovered', { node });

  it('has a change at once', () => {
    ejected('replica-1');
    expect(lines).toEqual([
      expect.stringMatching(
        /^Replica "replica-1" is not used any more \(unreachable\): ECONNREFUSED\. \(.*\/troubleshooting\.md#replicaejected\)$/,
      ),
    ]);
  });

  it('has one line per node and 10 s, of what happened meanwhile the last', async () => {
    ejected('replica-1');
    ejected('replica-2');
    for (let times = 0; times < 50; times++) {
      recovered('replica-1');
      ejected('replica-1');
    }
    recovered('replica-1');
    expect(lines).toHaveLength(2);
    await clock.advance(10_000);
    expect(lines.slice(2)).toEqual(['Replica "replica-1" is in use.']);
    await clock.advance(60_000);
    expect(lines).toHaveLength(3);
  });

  it('says nothing twice', async () => {
    ejected('replica-1');
    recovered('replica-1');
    ejected('replica-1');
    await clock.advance(60_000);
    expect(lines).toHaveLength(1);
  });

  it('has every change of the primary to another node', () => {
    emitter.emit('primaryChanged', { from: 'a', to: 'b', timeline: 2 });
    emitter.emit('primaryChanged', { from: 'b', to: 'c', timeline: 3 });
    expect(lines).toHaveLength(2);
  });

  it('leaves neither timer nor listener when it is closed', async () => {
    ejected('replica-1');
    recovered('replica-1');
    log.close();
    expect(clock.pending).toBe(0);
    ejected('replica-1');
    await clock.advance(60_000);
    expect(lines).toHaveLength(1);
  });
});
