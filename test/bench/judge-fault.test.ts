import { describe, expect, it } from '@jest/globals';
import { judgeFault } from '../../bench/parts/judge-fault.js';
import { idealReads } from '../../bench/parts/scaling.js';
import { FrontendMessages } from '../../bench/measure/capacity-proxy.js';
import type { Seen } from '../../bench/load/visits.js';

const TIMES = { struckAtMs: 1_000, mendedAtMs: 2_000, port: 1 };

function read(sentAtMs: number, seen: Partial<Seen> = {}): Seen {
  return { isWrite: false, sentAtMs, tookMs: 5, hasFailed: false, port: 2, isStale: false, ...seen };
}

describe('what clients saw of a fault', () => {
  const before = read(900, { port: 1 });

  it('is over with the last read that failed', () => {
    const seen = [before, read(1_100, { hasFailed: true, port: undefined }), read(1_200), read(1_900)];
    expect(judgeFault(seen, TIMES)).toMatchObject({ failedReads: 1, ejectMs: 100 });
  });

  it('is over with the last read that was held up', () => {
    expect(judgeFault([before, read(1_300, { tookMs: 400 })], TIMES)).toMatchObject({
      ejectMs: 300,
      longestStallMs: 400,
    });
  });

  it('is over with the last read that the broken server answered', () => {
    expect(judgeFault([before, read(1_500, { port: 1 })], TIMES).ejectMs).toBe(500);
  });

  it('is never over when reads are hit until the mend', () => {
    expect(judgeFault([before, read(1_990, { hasFailed: true })], TIMES).ejectMs).toBe('never');
  });

  it('ends with the first answer of the mended server', () => {
    const seen = [before, read(2_100), read(2_200, { port: 1, tookMs: 7 })];
    expect(judgeFault(seen, TIMES).returnMs).toBe(207);
  });

  it('ends with the first write when the primary was broken, which no read had asked', () => {
    const seen = [read(900), read(2_050), { ...read(2_300), isWrite: true, port: undefined }];
    expect(judgeFault(seen, TIMES).returnMs).toBe(305);
  });

  it('never ends when the server gets no read any more', () => {
    expect(judgeFault([before, read(2_100)], TIMES).returnMs).toBe('never');
  });
});

describe('the ideal', () => {
  it.each([
    [{ replicas: 0, writeShare: 0 }, 100],
    [{ replicas: 0, writeShare: 0.25 }, 80],
    [{ replicas: 4, writeShare: 0.05 }, 400],
    [{ replicas: 4, writeShare: 0.5 }, 200],
  ])('of %j is %i reads per second when a node does 100', (plan, expected) => {
    expect(idealReads(plan, 100)).toBe(expected);
  });
});

describe('messages of a PostgreSQL client', () => {
  const message = (type: string, body: string) => {
    const bytes = Buffer.alloc(type.length + 4 + body.length);
    bytes.write(type, 0);
    bytes.writeInt32BE(4 + body.length, type.length);
    bytes.write(body, type.length + 4);
    return bytes;
  };

  it('are whole however the network cuts them, and only Query and Sync make the server work', () => {
    const sent = Buffer.concat([
      message('', 'startup'),
      message('P', 'parse'),
      message('S', ''),
      message('Q', 'select'),
    ]);
    const messages = new FrontendMessages();
    const read = Array.from(sent, (_, at) => [...messages.read(sent.subarray(at, at + 1))]).flat();
    expect(read.map(({ isQuery }) => isQuery)).toEqual([false, false, true, true]);
    expect(Buffer.concat(read.map((one) => one.message))).toEqual(sent);
  });
});
