import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IS_REPLICA, YES } from '../support/database.js';
import { openPair, type Pair } from './pair.js';
import { SCENARIOS } from './scenarios.js';

/** What TypeORM does over a plain DataSource, statement by statement and event by event, it does over a routed one. */
describe('the routed DataSource does what a plain one does', () => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await openPair();
  });
  afterAll(() => pair?.close());

  describe.each(['outside of any unit', 'with every read on a replica'] as const)('%s', (mode) => {
    it.each(Object.entries(SCENARIOS))('%s', async (_name, scenario) => {
      const { plain, routed } = await pair.play(scenario, mode);
      expect(plain.failure).toBeUndefined();
      expect(routed).toEqual(plain);
    });
  });

  it('with every read really on the replica', async () => {
    const { routed } = await pair.play(async (dataSource) => {
      const runner = dataSource.createQueryRunner('slave');
      const [row] = await runner.query(`SELECT ${IS_REPLICA}`);
      await runner.release();
      return row;
    }, 'with every read on a replica');
    expect(routed.answer).toEqual({ isReplica: YES });
  });
});
