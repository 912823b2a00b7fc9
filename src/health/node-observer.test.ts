import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../test/support/fake-clock.js';
import { at } from '../../test/support/postgres-places.js';
import { historyOf, positions } from '../engines/postgres/positions.js';
import { postgres } from '../engines/postgres/postgres.js';
import type { Role } from '../routing/route.js';
import { LagHistory } from './lag-history.js';
import { NodeObserver } from './node-observer.js';
import type { ProbeAnswer, Prober } from '../connector.js';
import type { FailureKind } from '../engine.js';

const MONITOR = {
  intervalMs: 1_000,
  timeoutMs: 500,
  maxLagMs: 10_000,
  maxLagBytes: Infinity,
  hardMaxLagMs: 60_000,
  connectTimeoutMs: 3_000,
  queryTimeoutMs: 30_000,
};

/** A server as its prober sees it: an answer, a kind of failure, or silence. */
class FakeServer implements Prober {
  probes = 0;
  readonly bytesHeard = 0;

  constructor(public now: ProbeAnswer | FailureKind | 'silent') {}

  probe(): Promise<ProbeAnswer> {
    this.probes++;
    if (this.now === 'silent') return new Promise(() => undefined);
    return typeof this.now === 'string' ? Promise.reject(new Error(this.now)) : Promise.resolve(this.now);
  }

  reset(): void {}

  async close(): Promise<void> {}
}

const writable = (position: bigint, more: Partial<ProbeAnswer> = {}): ProbeAnswer => ({
  role: 'primary',
  position: at(position),
  history: historyOf(2),
  systemId: 'sys',
  serverId: 'one',
  ...more,
});
const standby = (position: bigint, more: Partial<ProbeAnswer> = {}): ProbeAnswer => ({
  role: 'replica',
  position: at(position),
  receivedPosition: at(position),
  history: historyOf(2),
  systemId: 'sys',
  serverId: 'two',
  ...more,
});

describe('an observer', () => {
  let clock: FakeClock;
  let frozenMs: number;
  let roles: Record<string, Role>;
  let one: FakeServer;
  let two: FakeServer;
  let primary: NodeObserver;
  let replica: NodeObserver;

  beforeEach(() => {
    clock = new FakeClock();
    frozenMs = 0;
    roles = { primary: 'primary', replica: 'replica' };
    one = new FakeServer(writable(100n));
    two = new FakeServer(standby(100n));
    const lagHistory = new LagHistory({ positions, keepMs: 65_000, spacingMs: 250, graceMs: 3_000 });
    const make = (name: string, prober: Prober): NodeObserver =>
      new NodeObserver({
        name,
        prober,
        clock: { now: () => clock.now() + frozenMs, delay: (ms) => clock.delay(ms) },
        lagHistory,
        role: () => roles[name] ?? 'replica',
        engine: { ...postgres, classify: (error) => (error as Error).message as FailureKind },
        random: () => 0.5,
        monitor: MONITOR,
        primaryFacts: () => primary.facts,
      });
    primary = make('primary', one);
    replica = make('replica', two);
  });

  async function start(): Promise<void> {
    await primary.start();
    await replica.start();
  }

  /** The primary writes a byte per second, the replica replays `replayed(second)`. */
  async function run(seconds: number, replayed: (second: number) => bigint): Promise<void> {
    for (let second = 1; second <= seconds; second++) {
      if (one.now !== 'silent') one.now = writable(100n + BigInt(second));
      two.now = standby(replayed(second));
      await clock.advance(1_000);
    }
  }

  it('knows nothing before it has started', () => {
    expect(replica.snapshot).toMatchObject({ name: 'replica', role: 'replica', state: 'connecting' });
    expect(replica.snapshot.seenAtMs).toBeUndefined();
  });

  it('has a frozen snapshot of its node after the start', async () => {
    await start();
    expect(replica.snapshot).toEqual({
      name: 'replica',
      role: 'replica',
      state: 'usable',
      detail: undefined,
      lagMs: 0,
      lagBytes: 0,
      position: 100n,
      timeline: 2,
      systemId: 'sys',
      seenAtMs: clock.now(),
    });
    expect(Object.isFrozen(replica.snapshot)).toBe(true);
    expect(JSON.parse(JSON.stringify(replica.snapshot))).toMatchObject({ position: '0/64', lagMs: 0 });
    expect(primary.snapshot).toMatchObject({ role: 'primary', state: 'usable', lagMs: 0, position: 100n });
  });

  it('has started when the node does not answer, too', async () => {
    two.now = 'connection';
    await start();
    expect(replica.snapshot).toMatchObject({ state: 'unreachable', detail: 'connection' });
  });

  it('tells of every new snapshot until that is not wanted any more', async () => {
    await start();
    const told: string[] = [];
    const end = replica.onChange((previous, current) =>
      told.push(`${previous.position}-${current.position}`),
    );
    two.now = standby(105n);
    await clock.advance(1_000);
    end();
    await clock.advance(1_000);
    expect(told).toEqual(['100-105']);
  });

  describe('of a replica', () => {
    it('sees a stalled replay as lag, and its end', async () => {
      await start();
      await run(12, () => 100n);
      expect(replica.snapshot).toMatchObject({ state: 'lagging', lagBytes: 12 });
      expect(replica.snapshot.lagMs).toBeGreaterThan(10_000);
      await run(1, () => 101n);
      two.now = standby(101n);
      await clock.advance(1_000);
      expect(replica.snapshot).toMatchObject({ state: 'usable', lagMs: 0 });
    });

    it('uses it no more beyond the hard limit', async () => {
      await start();
      await run(62, () => 100n);
      expect(replica.snapshot.state).toBe('stale');
    });

    it('sees no lag on an idle cluster', async () => {
      await start();
      await clock.advance(3_600_000);
      expect(replica.snapshot).toMatchObject({ state: 'usable', lagMs: 0, lagBytes: 0 });
    });

    it('sees no lag in a dead primary', async () => {
      await start();
      await run(5, (second) => 100n + BigInt(second));
      one.now = 'silent';
      await clock.advance(3_600_000);
      expect(primary.snapshot.state).toBe('unreachable');
      expect(replica.snapshot).toMatchObject({ state: 'usable', lagMs: 0 });
    });

    it('sees what was received and not replayed while the primary is dead', async () => {
      await start();
      one.now = 'silent';
      two.now = standby(100n, { receivedPosition: at(180n) });
      await clock.advance(20_000);
      expect(replica.snapshot).toMatchObject({ lagBytes: 80 });
    });

    it('is gone as soon as a request says so, and back as soon as a probe does, which is sent at once', async () => {
      await start();
      await clock.advance(500);
      replica.reportFailure('connection', 'ECONNRESET');
      expect(replica.snapshot).toMatchObject({
        state: 'unreachable',
        detail: 'ECONNRESET',
        lagMs: undefined,
      });
      await settle();
      expect(replica.snapshot.state).toBe('usable');
    });

    it('is only in doubt after a failure in a process that stood still until just now', async () => {
      await start();
      frozenMs = 4_500;
      replica.reportFailure('connection', 'Connection terminated due to connection timeout');
      expect(replica.snapshot.state).toBe('suspect');
      replica.reportFailure('connection', 'Connection terminated due to connection timeout');
      expect(replica.snapshot.state).toBe('suspect');
      await clock.advance(1_000); // the next probe is due already, and its timer late
      expect(replica.snapshot.state).toBe('usable');
    });

    it('knows a killed server within moments, not after two intervals', async () => {
      await start();
      two.now = 'connection';
      await clock.advance(1_000);
      expect(replica.snapshot.state).toBe('suspect');
      await clock.advance(20);
      expect(replica.snapshot.state).toBe('unreachable');
    });

    it('gives a silent server a second chance, at once', async () => {
      await start();
      two.now = 'silent';
      await clock.advance(1_500);
      expect(replica.snapshot).toMatchObject({ state: 'suspect', position: 100n, lagMs: 0 });
      await clock.advance(20);
      expect(two.probes).toBe(3);
      await clock.advance(499);
      expect(replica.snapshot.state).toBe('suspect');
      await clock.advance(1);
      expect(replica.snapshot.state).toBe('unreachable');
    });

    it('forgets the position when the connection ended: after a restart less may be replayed', async () => {
      await start();
      two.now = 'connection';
      await clock.advance(1_000);
      expect(replica.snapshot).toMatchObject({ state: 'suspect', position: undefined });
      two.now = standby(90n);
      await clock.advance(20);
      expect(replica.snapshot).toMatchObject({ state: 'usable', position: 90n });
    });

    it('is not probed for a query that fails by itself', async () => {
      await start();
      await clock.advance(500);
      for (const kind of ['query', 'schema-behind', 'recovery-conflict', 'unlogged', 'overload'] as const) {
        replica.reportFailure(kind, kind);
      }
      await settle();
      expect(two.probes).toBe(1);
      expect(replica.snapshot.state).toBe('usable');
    });

    it('refuses a server of another cluster, and asks it less and less often', async () => {
      two.now = standby(100n, { systemId: 'other' });
      await start();
      expect(replica.snapshot).toMatchObject({ state: 'misconfigured', position: undefined });
      await clock.advance(60_000);
      expect(two.probes).toBeLessThan(12);
      two.now = standby(100n);
      await clock.advance(10_000);
      expect(replica.snapshot.state).toBe('usable');
    });

    it('stays drained', async () => {
      await start();
      replica.drain();
      await clock.advance(5_000);
      expect(replica.snapshot.state).toBe('draining');
    });
  });

  describe('of the primary', () => {
    it('finds out at once what a refused write means', async () => {
      await start();
      await clock.advance(500);
      one.now = standby(100n, { serverId: 'one' });
      primary.reportFailure('read-only', 'cannot execute INSERT in a read-only transaction');
      await settle();
      expect(primary.snapshot.state).toBe('is-replica');
    });

    it('does not take a standby’s position for the primary’s', async () => {
      await start();
      one.now = standby(900n);
      await clock.advance(1_000);
      expect(replica.snapshot).toMatchObject({ state: 'usable', lagBytes: 0 });
    });

    it('never trusts an address that leads back to a former primary', async () => {
      await start();
      one.now = writable(100n, { history: historyOf(1) });
      await clock.advance(60_000);
      expect(primary.snapshot).toMatchObject({ state: 'is-replica', timeline: 2 });
      one.now = writable(100n, { history: historyOf(3) });
      await clock.advance(10_000);
      expect(primary.snapshot).toMatchObject({ state: 'usable', timeline: 3 });
    });

    it('still knows cluster and timeline of a server that does not tell them any more', async () => {
      await start();
      const { systemId, timeline } = primary.snapshot;
      one.now = { role: 'primary' };
      await clock.advance(1_000);
      expect(primary.snapshot).toMatchObject({ systemId, timeline, position: undefined });
      expect([systemId, timeline]).not.toContain(undefined);
    });

    it('does not measure lag by the head of a cluster that is not there any more', async () => {
      await start();
      expect(primary.facts).toMatchObject({ firstHead: 100n, historySinceMs: undefined });
      one.now = writable(50n, { systemId: 'restored' });
      await clock.advance(1_000);
      expect(primary.facts).toMatchObject({ firstHead: 50n, historySinceMs: clock.now() });
    });

    it('reads a former primary only after it has answered as a replica', async () => {
      await start();
      roles = { primary: 'replica', replica: 'primary' };
      const changed = primary.roleChanged();
      expect(primary.snapshot).toMatchObject({ state: 'connecting', role: 'replica' });
      await clock.advance(20);
      await changed;
      expect(primary.snapshot.state).toBe('is-primary');
    });

    it('changes with a failover', async () => {
      await start();
      one.now = 'connection';
      two.now = writable(100n, { history: historyOf(3), serverId: 'two' });
      await clock.advance(1_100);
      expect(primary.snapshot.state).toBe('unreachable');
      expect(replica.snapshot).toMatchObject({ state: 'is-primary', role: 'replica', timeline: 3 });
      roles = { primary: 'replica', replica: 'primary' };
      const changed = replica.roleChanged();
      expect(replica.snapshot.role).toBe('primary');
      await clock.advance(20);
      await changed;
      expect(replica.snapshot).toMatchObject({ state: 'usable', role: 'primary' });
    });
  });

  it('leaves no timer when it is stopped', async () => {
    await start();
    replica.reportFailure('connection', 'ECONNRESET');
    await Promise.all([primary.stop(), replica.stop()]);
    expect(clock.pending).toBe(0);
  });

  it('counts a promised staleness from when it has asked', async () => {
    two.now = { role: 'unknown', lagMs: 4_200, stalenessMs: 4_700 };
    await start();
    expect(replica.snapshot).toMatchObject({ state: 'usable', lagMs: 4_200, position: undefined });
    expect(replica.snapshot.completeAtMs).toBe(clock.now() - 4_700);
    two.now = { role: 'unknown', stalenessMs: Infinity };
    await clock.advance(1_000);
    expect(replica.snapshot).toMatchObject({ state: 'usable', lagMs: undefined });
    expect(replica.snapshot.completeAtMs).toBe(-Infinity);
  });
});
