import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { IS_REPLICA, NO_SUCH_TABLE, YES } from '../support/database.js';
import { openRouted, type RoutedDatabase } from './routed-database.js';
import { Label } from './shop.js';

describe('a query runner that reads for long', () => {
  let db: RoutedDatabase;
  beforeAll(async () => {
    db = await openRouted({ entities: [Label] });
  });
  afterAll(() => db?.close());

  const withRunner = (fn: (runner: QueryRunner) => Promise<void>): Promise<void> =>
    db.selector.run({ intent: 'replica' }, async () => {
      const runner = db.dataSource.createQueryRunner();
      try {
        await fn(runner);
      } finally {
        await runner.release();
      }
    });
  const isReplica = async (runner: QueryRunner): Promise<unknown> => runner.query(`SELECT ${IS_REPLICA}`);

  it('reads the replica again behind a query that no server can answer', () =>
    withRunner(async (runner) => {
      for (let times = 0; times < 2; times += 1) {
        await expect(runner.query('SELECT * FROM lable')).rejects.toMatchObject({ code: NO_SUCH_TABLE });
        expect(db.selector.route).toMatchObject({ role: 'primary', reason: 'behind-schema' });
        expect(await isReplica(runner)).toEqual([{ isReplica: YES }]);
      }
    }));

  it('and behind one that only the primary can answer', () =>
    withRunner(async (runner) => {
      const [replica] = db.servers.replicas;
      await replica?.pauseReplay();
      try {
        await db.selector.outside(() => db.dataSource.query('CREATE TABLE just_made (n int)'));
        expect(await runner.query('SELECT * FROM just_made')).toEqual([]);
        expect(await isReplica(runner)).toEqual([{ isReplica: YES }]);
      } finally {
        await replica?.resumeReplay();
      }
    }));
});
