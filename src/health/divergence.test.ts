import { beforeEach, describe, expect, it } from '@jest/globals';
import { at as position } from '../../test/support/postgres-places.js';
import { parseMysqlGtids } from '../engines/mysql/mysql-gtid.js';
import { ONE_HISTORY, positionOf, positions as mysqlPositions } from '../engines/mysql/positions.js';
import { historyOf, positions } from '../engines/postgres/positions.js';
import type { PrimaryFacts } from './judge-answer.js';
import { Divergence } from './divergence.js';
import type { ProbeAnswer } from '../connector.js';

const at = (lsn: bigint, more: Partial<ProbeAnswer> = {}): ProbeAnswer => ({
  role: 'replica',
  position: position(lsn),
  systemId: 'sys',
  serverId: 'replica',
  ...more,
});
const primaryAt = (lsn: bigint, headAsked: number | undefined, more: PrimaryFacts = {}): PrimaryFacts => ({
  position: position(lsn),
  headAsked,
  systemId: 'sys',
  serverId: 'promoted',
  history: historyOf(2),
  ...more,
});

describe('a replica', () => {
  let history: Divergence;
  /** Seen at position 100, by the answer with number 1000. */
  beforeEach(() => {
    history = new Divergence(positions);
    history.judge(at(100n), primaryAt(100n, 900), 1_000);
  });

  it.each<[string, PrimaryFacts, boolean]>([
    ['less afterwards is lost', primaryAt(99n, 1_001), true],
    ['less before is only ahead of what is known', primaryAt(99n, 999), false],
    ['as much is not', primaryAt(100n, 1_500), false],
    ['less, but could not be written then, is not', primaryAt(99n, undefined), false],
    ['less, but is of another cluster, is not', primaryAt(99n, 1_500, { systemId: 'other' }), false],
  ])('whose primary has %s', (_what, primary, hasDiverged) => {
    expect(history.judge(at(100n), primary, 2_000)).toBe(hasDiverged);
  });

  it.each<[string, PrimaryFacts, boolean]>([
    ['was never seen on another history', primaryAt(100n, 900), true],
    ['was not asked since, behind a failover', primaryAt(100n, 999, { historySinceMs: 1 }), false],
    ['was asked since', primaryAt(100n, 1_001, { historySinceMs: 1 }), true],
    ['is on another one by now', primaryAt(100n, 1_001, { history: historyOf(3), historySinceMs: 2 }), false],
  ])('is settled or not when its primary %s', (_when, primary, isSettled) => {
    expect(history.isSettled(primary)).toBe(isSettled);
  });

  describe('that has diverged', () => {
    beforeEach(() => {
      history.judge(at(100n), primaryAt(99n, 1_500), 2_000);
    });

    it.each<[string, ProbeAnswer, PrimaryFacts]>([
      ['the primary has written more than it has', at(100n), primaryAt(500n, 2_500)],
      ['it was restarted', at(100n, { serverId: 'restarted' }), primaryAt(99n, 2_500)],
      ['it has replayed less since it was', at(98n, { serverId: 'restarted' }), primaryAt(500n, 2_500)],
      ['the primary was restarted', at(100n), primaryAt(500n, 2_500, { serverId: 'restarted' })],
      ['it replays more of what the primary does not have', at(101n), primaryAt(99n, 2_500)],
    ])('is still so when %s', (_when, answer, primary) => {
      expect(history.judge(answer, primary, 3_000)).toBe(true);
    });

    it.each<[string, ProbeAnswer, PrimaryFacts]>([
      ['it was rebuilt from the primary', at(99n, { serverId: 'rebuilt' }), primaryAt(99n, 2_500)],
      ['it goes on from where it stood', at(101n), primaryAt(500n, 2_500)],
      ['there was another failover', at(100n), primaryAt(500n, 2_500, { history: historyOf(3) })],
    ])('is not when %s', (_when, answer, primary) => {
      expect(history.judge(answer, primary, 3_000)).toBe(false);
    });
  });
});

describe('a replica whose positions name each write', () => {
  const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '7f11fa47-71ca-11e1-9e33-c80aa9429562'];
  const set = (own: number, errant?: number) =>
    positionOf(
      parseMysqlGtids(`${UUIDS[0]}:1-${own}${errant === undefined ? '' : `,${UUIDS[1]}:${errant}`}`),
    );
  const answer = (own: number, errant?: number): ProbeAnswer => ({
    role: 'replica',
    position: set(own, errant),
    serverId: 'replica',
  });
  const primary = (own: number, headAsked: number, errant?: number): PrimaryFacts => ({
    position: set(own, errant),
    headAsked,
    history: ONE_HISTORY,
  });

  it('is lost while it has what the primary has not, however much it replays', () => {
    const history = new Divergence(mysqlPositions);
    history.judge(answer(5, 1), primary(5, 1), 2);
    expect(history.judge(answer(5, 1), primary(6, 3), 4)).toBe(true);
    expect(history.judge(answer(9, 1), primary(6, 3), 5)).toBe(true);
    expect(history.judge(answer(9, 1), primary(9, 6), 7)).toBe(true);
    expect(history.judge(answer(9, 1), primary(9, 8, 1), 9)).toBe(false);
  });
});
