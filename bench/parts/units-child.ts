import { answer } from '../measure/answer.js';
import {
  createKeyring,
  decideReplica,
  historyOf,
  openTokens,
  positionOf,
  postgres,
  sealTokens,
} from '../measure/internals.js';
import { median } from '../measure/statistics.js';

export interface UnitsJob {
  readonly rounds: number;
  readonly milliseconds: number;
}

/** What one call costs. */
export interface UnitCost {
  readonly name: string;
  readonly nanoseconds: number;
  readonly bytes: number;
}

const { positions } = postgres;

answer({
  times({ rounds, milliseconds }: UnitsJob): readonly Omit<UnitCost, 'bytes'>[] {
    return units().map(({ name, call }) => ({
      name,
      nanoseconds: median(Array.from({ length: rounds }, () => nanosecondsOf(call, milliseconds))),
    }));
  },
  /** In the same order. */
  bytes: (): readonly number[] => units().map(({ call }) => bytesOf(call)),
});

function units(): readonly Unit[] {
  return [...decisions(), ...tokens()];
}

interface Unit {
  readonly name: string;
  readonly call: () => unknown;
}

function decisions(): readonly Unit[] {
  const nowMs = 1_000_000;
  const choice = { intent: 'replica', reason: 'read-method', ownWrites: true } as const;
  const terms = {
    snapshotMaxAgeMs: 3_000,
    staleAfterMs: 61_000,
    pinMs: 3_000,
    allowsFallback: true,
    onReplicaWrite: 'reject',
    whenPrimaryDown: '503',
    positions,
  } as const;
  const primary = replica('primary', nowMs);
  const failed = undefined;
  const previous = undefined;
  return [1, 4, 16, 64].flatMap((count) => {
    const replicas = Array.from({ length: count }, (_, index) => replica(`replica-${index + 1}`, nowMs));
    const cluster = { primary, terms, replicas, groups: NO_GROUPS, knownGroups: NO_GROUPS };
    const behind = {
      primary,
      terms,
      replicas: [...replicas.slice(1), replica('behind', nowMs, 1n)],
      groups: NO_GROUPS,
      knownGroups: NO_GROUPS,
    };
    const required = { position: positionOf(50n) };
    // Whole literals, as the router makes them: copying one with a spread would take a hundred times as long as deciding.
    return [
      {
        name: `decideReplica, ${count} replicas`,
        call: () => decideReplica({ choice, failed, required: {}, previous, cluster, nowMs }),
      },
      {
        name: `decideReplica, ${count} replicas, all have the token`,
        call: () => decideReplica({ choice, failed, required, previous, cluster, nowMs }),
      },
      {
        name: `decideReplica, ${count} replicas, one behind the token`,
        call: () => decideReplica({ choice, failed, required, previous, cluster: behind, nowMs }),
      },
    ];
  });
}

const NO_GROUPS: ReadonlySet<string> = new Set();

function replica(name: string, nowMs: number, position = 100n) {
  const snapshot = {
    name,
    role: 'replica',
    state: 'usable',
    lagMs: 0,
    position,
    seenAtMs: nowMs - 500,
    place: { position: positionOf(position), history: historyOf(1) },
  } as const;
  return {
    name,
    weight: 1,
    busy: 0,
    endpoint: { kind: 'server' },
    snapshot: Object.freeze(snapshot),
  } as const;
}

function tokens(): readonly Unit[] {
  const token = {
    clusterId: '7312345678901234567',
    history: historyOf(1),
    position: positionOf(0x1_2345_6789n),
    issuedAtMs: Date.UTC(2026, 0),
  };
  return [
    ['plain', createKeyring([])] as const,
    ['sealed', createKeyring(['a secret of more than sixteen characters'])] as const,
  ].flatMap(([kind, keyring]) => {
    const text = sealTokens([token], keyring, positions);
    return [
      {
        name: `writing a token, ${kind} (${text.length} characters)`,
        call: () => sealTokens([token], keyring, positions),
      },
      { name: `reading a token, ${kind}`, call: () => openTokens([text], keyring, positions) },
    ];
  });
}

let sink: unknown;

function nanosecondsOf(call: () => unknown, milliseconds: number): number {
  const startedAtMs = performance.now();
  let count = 0;
  while (performance.now() - startedAtMs < milliseconds) {
    for (let index = 0; index < BATCH; index++) sink = call();
    count += BATCH;
  }
  return ((performance.now() - startedAtMs) * 1e6) / count;
}

/** In a process whose young generation is large enough that nothing is collected meanwhile. */
function bytesOf(call: () => unknown): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < COUNTED; index++) sink = call();
  const bytes = (process.memoryUsage().heapUsed - before) / COUNTED;
  return sink === undefined ? Number.NaN : Math.max(0, bytes);
}

const BATCH = 100;
const COUNTED = 5_000;
