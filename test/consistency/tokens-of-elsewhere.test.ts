import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil, type PostgresCluster, type PostgresNode } from 'nestjs-replicated/testing';
import { isPostgres, startCluster } from '../support/database.js';
import { FaultApp } from '../faults/fault-app.js';
import { Note } from '../support/note.js';

describe('a token', () => {
  let here: PostgresCluster;
  let there: PostgresCluster;
  const apps: FaultApp[] = [];
  beforeAll(async () => {
    [here, there] = await Promise.all([startCluster({ replicas: 2 }), startCluster({ replicas: 1 })]);
  });
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));
  afterAll(() => Promise.all([here?.stop(), there?.stop()]));

  async function start(cluster: PostgresCluster): Promise<FaultApp> {
    const app = await FaultApp.start({
      synchronize: true,
      primary: { url: cluster.primary.url },
      replicas: cluster.replicas.map(({ url }) => ({ url })),
      cluster: { failover: 'follow' },
    });
    apps.push(app);
    await app.allServe();
    return app;
  }
  const writeIn = (app: FaultApp): Promise<string | undefined> =>
    app.selector.run({ intent: 'primary' }, async () => {
      await app.dataSource.getRepository(Note).insert({ text: 'written' });
      return app.selector.token();
    });
  const readIn = (app: FaultApp, token: string | undefined) => () =>
    app.selector.run({ intent: 'replica', token }, async () => {
      await app.dataSource.getRepository(Note).find();
      return `${app.selector.route?.role} ${app.selector.route?.reason}`;
    });

  // Clusters of MariaDB have no identifier.
  (isPostgres ? it : it.skip)(
    'of another database cluster is one of its time: the primary, until a replica has all of then',
    async () => {
      const [app, other] = [await start(here), await start(there)];
      const read = readIn(app, await writeIn(other));
      expect(await read()).toBe('primary foreign-token');
      await waitUntil(async () => (await read()) === 'replica explicit');
    },
  );

  it('of before a failover is met by the new primary, until a replica of that has all of then', async () => {
    const app = await start(here);
    const token = await writeIn(app);
    await here.waitForReplication();
    const [first, second] = here.replicas as [PostgresNode, PostgresNode];
    await here.primary.stop();
    await first.promote();
    await second.follow(first);
    await waitUntil(
      () => app.cluster.nodes[0]?.name === 'replica-1' && app.cluster.nodes[0].state === 'usable',
    );
    expect(await readIn(app, token)()).toBe('primary after-failover');
    expect(await readIn(app, await writeIn(app))()).toBe('primary after-failover');
    await waitUntil(async () => (await readIn(app, token)()) === 'replica explicit');
  });
});
